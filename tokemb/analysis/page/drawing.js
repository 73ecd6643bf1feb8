"use strict";
// What is drawn: the points in view, the one that is chosen with its nearest, and the labels that there is room for.

const byId = (id) => document.getElementById(id);
// tokens, counts, x and y (0 to 100,000) of every point, the most frequent first; the points nearest to each,
// and how similar they are, in thousandths.
const { method, tokens, counts, x, y, near, similar } = JSON.parse(byId("data").textContent);
const canvas = byId("map");
const pen = canvas.getContext("2d");
const EXTENT = 100000;
const MARGIN = 48;
const DEEPEST = 60;
const MOST_LABELS = 400;
const FONT = "system-ui, sans-serif";

// The view: a point is at x * scale + left, y * scale + top, in CSS pixels.
const view = { scale: 1, left: 0, top: 0 };
let whole = 1; // the scale that shows all
let selected = -1;
let hovered = -1;
let colors = {};
let drawing = false;

const number = (value) => value.toLocaleString("en");
const times = (count) => (count === null ? "" : number(count) + (count === 1 ? " time" : " times"));
const sizes = counts.map((count) => Math.log1p(count ?? 0));
const [least, most] = sizes.reduce(([low, high], size) => [Math.min(low, size), Math.max(high, size)], [Infinity, 0]);
const crowd = Math.min(1, (2000 / tokens.length) ** 0.3); // many points are smaller
const radii = sizes.map((size) => crowd * (1.6 + 2.2 * ((size - least) / (most - least || 1))));

// Looking

const toScreen = (point) => [x[point] * view.scale + view.left, y[point] * view.scale + view.top];

/** The part of the window beside the panel, or all of it where that would be too little. */
function freeArea() {
  const panel = byId("panel").getBoundingClientRect();
  const left = innerWidth - panel.right >= 480 ? panel.right : 0;
  return { left, width: innerWidth - left, height: innerHeight };
}

function showAll() {
  const area = freeArea();
  whole = Math.max(1, Math.min(area.width, area.height) - 2 * MARGIN) / EXTENT;
  view.scale = whole;
  view.left = area.left + (area.width - EXTENT * whole) / 2;
  view.top = (area.height - EXTENT * whole) / 2;
  draw();
}

function zoomBy(factor, atX, atY) {
  const scale = Math.min(Math.max(view.scale * factor, whole * 0.5), whole * DEEPEST);
  view.left = atX - (atX - view.left) * (scale / view.scale);
  view.top = atY - (atY - view.top) * (scale / view.scale);
  view.scale = scale;
  draw();
}

function moveBy(byX, byY) {
  view.left += byX;
  view.top += byY;
  draw();
}

function center(point) {
  const area = freeArea();
  view.scale = Math.max(view.scale, whole * 3);
  view.left = area.left + area.width / 2 - x[point] * view.scale;
  view.top = area.height / 2 - y[point] * view.scale;
}

// Drawing

function draw() {
  if (!drawing) {
    drawing = true;
    requestAnimationFrame(paint);
  }
}

function readColors() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["page", "dot", "word", "chosen", "quiet"]) {
    colors[name] = style.getPropertyValue("--" + name).trim();
  }
}

function fitCanvas() {
  canvas.width = Math.round(innerWidth * devicePixelRatio);
  canvas.height = Math.round(innerHeight * devicePixelRatio);
}

function visiblePoints() {
  const points = [];
  for (let point = 0; point < tokens.length; point++) {
    const [atX, atY] = toScreen(point);
    if (atX > -20 && atX < innerWidth + 20 && atY > -20 && atY < innerHeight + 20) points.push(point);
  }
  return points;
}

function paint() {
  drawing = false;
  pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  pen.clearRect(0, 0, innerWidth, innerHeight);
  const chosen = selected < 0 ? [] : [selected, ...near[selected]];
  const points = visiblePoints();
  const growth = Math.min(2.2, Math.sqrt(view.scale / whole) ** 0.7);
  paintDots(points, colors.dot, selected < 0 ? 0.75 : 0.28, growth);
  paintLines(chosen);
  paintDots(chosen, colors.chosen, 1, growth * 1.25);
  if (hovered >= 0) paintDots([hovered], colors.chosen, 1, growth * 1.25);
  const placed = new Placed();
  paintLabels(chosen, placed, colors.chosen, 1);
  paintLabels(points, placed, colors.word, selected < 0 ? 1 : 0.45);
  byId("zoom").textContent = (view.scale / whole).toPrecision(2).replace(/\.0$/, "") + "×";
}

function paintDots(points, color, alpha, growth) {
  pen.globalAlpha = alpha;
  pen.fillStyle = color;
  pen.beginPath();
  for (const point of points) {
    const [atX, atY] = toScreen(point);
    pen.moveTo(atX, atY);
    pen.arc(atX, atY, radii[point] * growth, 0, 2 * Math.PI);
  }
  pen.fill();
  pen.globalAlpha = 1;
}

function paintLines([from, ...to]) {
  pen.strokeStyle = colors.chosen;
  pen.globalAlpha = 0.5;
  pen.lineWidth = 1.2;
  pen.beginPath();
  for (const point of to) {
    pen.moveTo(...toScreen(from));
    pen.lineTo(...toScreen(point));
  }
  pen.stroke();
  pen.globalAlpha = 1;
}

/** Rectangles that are taken, by the squares of a grid that they touch. */
class Placed {
  constructor() {
    this.squares = new Map();
    this.labels = 0;
    this.done = new Set();
  }

  /** Take a rectangle if it is free. */
  take(left, top, right, bottom) {
    const keys = [];
    for (let column = Math.floor(left / 80); column <= right / 80; column++) {
      for (let row = Math.floor(top / 80); row <= bottom / 80; row++) keys.push(column * 1000003 + row);
    }
    for (const key of keys) {
      for (const [l, t, r, b] of this.squares.get(key) ?? []) {
        if (left < r && right > l && top < b && bottom > t) return false;
      }
    }
    for (const key of keys) {
      if (!this.squares.has(key)) this.squares.set(key, []);
      this.squares.get(key).push([left, top, right, bottom]);
    }
    return true;
  }
}

const widths = new Map();
function widthOf(token, font) {
  const key = font + token;
  if (!widths.has(key)) {
    pen.font = font;
    widths.set(key, pen.measureText(token).width);
  }
  return widths.get(key);
}

/** The tokens of points, in their order, where there is room beside, above or below the dot. */
function paintLabels(points, placed, color, alpha) {
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  pen.direction = "ltr";
  pen.lineJoin = "round";
  pen.lineWidth = 3;
  pen.strokeStyle = colors.page;
  pen.fillStyle = color;
  for (const point of points) {
    if (placed.labels >= MOST_LABELS) break;
    if (placed.done.has(point)) continue;
    const [dotX, dotY] = toScreen(point);
    const size = point === selected ? 17 : 13;
    const font = (point === selected ? "600 " : "") + size + "px " + FONT;
    const width = widthOf(tokens[point], font);
    const gap = radii[point] + 4;
    const places = [
      [dotX + gap, dotY],
      [dotX - gap - width, dotY],
      [dotX - width / 2, dotY - size * 0.7 - gap],
      [dotX - width / 2, dotY + size * 0.7 + gap],
    ];
    for (const [left, middle] of places) {
      if (!placed.take(left - 2, middle - size * 0.65, left + width + 2, middle + size * 0.65)) continue;
      placed.labels++;
      placed.done.add(point);
      pen.font = font;
      pen.globalAlpha = Math.min(1, alpha + 0.4);
      pen.strokeText(tokens[point], left, middle);
      pen.globalAlpha = alpha;
      pen.fillText(tokens[point], left, middle);
      break;
    }
  }
  pen.globalAlpha = 1;
}
