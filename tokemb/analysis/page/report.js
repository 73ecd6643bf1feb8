"use strict";
// The cursor over the points of a chart, the button that copies the commands, and the theme.

for (const figure of document.querySelectorAll("figure")) {
  const chart = figure.querySelector("svg");
  const cursor = chart.querySelector(".cursor");
  const output = figure.querySelector("output");
  const points = JSON.parse(chart.dataset.points);
  let current = -1;
  output.textContent = "Point at the chart, or focus it and press the arrow keys.";

  const show = (index) => {
    current = Math.max(0, Math.min(points.length - 1, index));
    const [x, text] = points[current];
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.setAttribute("visibility", "visible");
    output.textContent = text;
  };

  chart.addEventListener("keydown", (event) => {
    const next = { ArrowLeft: current - 1, ArrowRight: current + 1, Home: 0, End: points.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    show(next);
  });
  chart.addEventListener("pointermove", (event) => {
    const box = chart.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * chart.viewBox.baseVal.width;
    const distances = points.map(([at]) => Math.abs(at - x));
    show(distances.indexOf(Math.min(...distances)));
  });
}

const copy = document.getElementById("copy");
copy?.addEventListener("click", async () => {
  const code = document.getElementById("commands");
  try {
    await navigator.clipboard.writeText(code.textContent);
    copy.textContent = "Copied";
  } catch {
    // A page in a file may not write to the clipboard: select the text instead.
    getSelection().selectAllChildren(code);
    copy.textContent = "Selected: press Ctrl+C";
  }
});

document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
});
