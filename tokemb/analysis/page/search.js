"use strict";
// The search box, and the start.

// Search

const MOST_MATCHES = 50;
const folded = tokens.map((token) => token.normalize("NFKC").toLowerCase());
let matches = [];
let active = -1;

/** Equal tokens first, then those that begin so, then those that hold it; within each the most frequent first. */
function search(text) {
  const wanted = text.normalize("NFKC").toLowerCase();
  const found = [[], [], []];
  if (wanted) {
    folded.forEach((token, point) => {
      const place = token.indexOf(wanted);
      if (place >= 0) found[token === wanted ? 0 : place === 0 ? 1 : 2].push(point);
    });
  }
  return found.flat().slice(0, MOST_MATCHES);
}

function showMatches() {
  const text = byId("search").value.trim();
  matches = search(text);
  const list = byId("matches");
  list.hidden = !text;
  byId("search").setAttribute("aria-expanded", String(matches.length > 0));
  list.replaceChildren(...matches.map((point, index) => {
    const item = fill(document.createElement("li"), tokens[point], counts[point] === null ? "" : number(counts[point]));
    item.id = "match" + index;
    item.setAttribute("role", "option");
    item.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the search box
    item.addEventListener("click", () => choose(index));
    return item;
  }));
  if (!matches.length) {
    const none = document.createElement("li");
    none.className = "none";
    none.textContent = "No such token on this map";
    list.append(none);
  }
  setActive(matches.length ? 0 : -1);
}

function setActive(index) {
  active = index;
  [...byId("matches").children].forEach((item, place) => item.setAttribute("aria-selected", String(place === index)));
  if (index >= 0) {
    byId("search").setAttribute("aria-activedescendant", "match" + index);
    byId("match" + index).scrollIntoView({ block: "nearest" });
  } else {
    byId("search").removeAttribute("aria-activedescendant");
  }
}

function hideMatches() {
  byId("matches").hidden = true;
  byId("search").setAttribute("aria-expanded", "false");
  byId("search").removeAttribute("aria-activedescendant");
}

function choose(index) {
  const point = matches[index];
  hideMatches();
  byId("search").value = tokens[point];
  center(point);
  select(point);
}

byId("search").addEventListener("input", showMatches);
byId("search").addEventListener("focus", (event) => event.target.select());
byId("search").addEventListener("blur", hideMatches);
byId("search").addEventListener("keydown", (event) => {
  if ((event.key === "ArrowDown" || event.key === "ArrowUp") && matches.length) {
    event.preventDefault();
    setActive((active + (event.key === "ArrowDown" ? 1 : -1) + matches.length) % matches.length);
  } else if (event.key === "Enter" && active >= 0 && !byId("matches").hidden) {
    choose(active);
  } else if (event.key === "Escape") {
    byId("search").value = "";
    hideMatches();
  }
});

// The start

byId("about").textContent = `${number(tokens.length)} tokens, ${method} of their vectors`;
addEventListener("resize", () => {
  fitCanvas();
  showAll();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  readColors();
  draw();
});
readColors();
fitCanvas();
showAll();
