"use strict";
// Choosing points and moving the view, by mouse, fingers and keys.

// Choosing a point

function pointAt(atX, atY) {
  let best = -1;
  let least = 12 ** 2;
  for (let point = 0; point < tokens.length; point++) {
    const [pointX, pointY] = toScreen(point);
    const distance = (pointX - atX) ** 2 + (pointY - atY) ** 2;
    if (distance < least) [best, least] = [point, distance];
  }
  return best;
}

/** A token and what is said of it, as text: nothing in a token is ever read as HTML. */
function fill(element, token, note) {
  const name = document.createElement("bdi");
  const about = document.createElement("span");
  name.textContent = token;
  about.textContent = note;
  element.append(name, about);
  return element;
}

function select(point) {
  selected = point;
  byId("selected").hidden = point < 0;
  if (point >= 0) {
    byId("word").textContent = tokens[point];
    byId("count").textContent = times(counts[point]);
    byId("alone").hidden = near[point].length > 0;
    byId("near").replaceChildren(...near[point].map((other, rank) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      fill(button, tokens[other], (similar[point][rank] / 1000).toFixed(3));
      button.addEventListener("click", () => {
        center(other);
        select(other);
        byId("near").querySelector("button")?.focus();
      });
      item.append(button);
      return item;
    }));
    byId("near").scrollTop = 0;
  }
  draw();
}

function hover(point, atX, atY) {
  const box = byId("hover");
  if (point !== hovered) {
    hovered = point;
    canvas.classList.toggle("over", point >= 0);
    draw();
  }
  box.hidden = point < 0;
  if (point < 0) return;
  box.firstChild.textContent = tokens[point];
  box.lastChild.textContent = times(counts[point]);
  const left = Math.max(8, Math.min(atX + 14, innerWidth - box.offsetWidth - 8));
  const top = atY + 18 + box.offsetHeight > innerHeight ? atY - box.offsetHeight - 10 : atY + 18;
  box.style.transform = `translate(${left}px, ${top}px)`;
}

// The mouse and fingers

const pointers = new Map();
let moved = 0;

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  if (!pointers.size) moved = 0;
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
});

canvas.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  const now = [event.clientX, event.clientY];
  if (!before) return hover(pointAt(...now), ...now);
  pointers.set(event.pointerId, now);
  moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
  if (moved > 4) canvas.classList.add("dragged");
  const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) {
    const stretch = Math.hypot(now[0] - other[0], now[1] - other[1]);
    zoomBy(stretch / Math.max(1, Math.hypot(before[0] - other[0], before[1] - other[1])), ...other);
  } else if (moved > 4) {
    moveBy(now[0] - before[0], now[1] - before[1]);
  }
  hover(-1);
});

function release(event) {
  pointers.delete(event.pointerId);
  canvas.classList.remove("dragged");
  if (event.type === "pointerup" && moved <= 4 && !pointers.size) select(pointAt(event.clientX, event.clientY));
}
canvas.addEventListener("pointerup", release);
canvas.addEventListener("pointercancel", release);
canvas.addEventListener("pointerleave", () => hover(-1));

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  // A line is some 16 pixels; a turn of the wheel by a notch zooms by about a fifth.
  const turned = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
  zoomBy(Math.exp(-Math.max(-200, Math.min(200, turned)) * 0.002), event.clientX, event.clientY);
  hover(-1);
}, { passive: false });

// Buttons and keys

const zoomAtCenter = (factor) => {
  const area = freeArea();
  zoomBy(factor, area.left + area.width / 2, area.height / 2);
};
byId("in").addEventListener("click", () => zoomAtCenter(1.5));
byId("out").addEventListener("click", () => zoomAtCenter(1 / 1.5));
byId("all").addEventListener("click", showAll);
byId("close").addEventListener("click", () => {
  select(-1);
  byId("search").focus();
});
byId("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  readColors();
  draw();
});

const STEP = 60;
const keys = {
  ArrowLeft: () => moveBy(STEP, 0),
  ArrowRight: () => moveBy(-STEP, 0),
  ArrowUp: () => moveBy(0, STEP),
  ArrowDown: () => moveBy(0, -STEP),
  "+": () => zoomAtCenter(1.5),
  "=": () => zoomAtCenter(1.5),
  "-": () => zoomAtCenter(1 / 1.5),
  0: showAll,
};
canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== byId("search")) {
    event.preventDefault();
    byId("search").focus();
  } else if (event.key === "Escape") {
    select(-1);
  }
});
