// The page of digits: what the networks believe while one draws.

import "./site.js";
import * as api from "./api.js";
import { ClassList } from "./classes.js";
import { byId, caption, fillSelect, make, makeSvg } from "./elements.js";
import { Flipping } from "./flipping.js";
import { drawHeatmap, largest, outline } from "./heatmap.js";
import { Live } from "./live.js";
import { announce, working } from "./notice.js";
import { percent, signed } from "./numbers.js";
import { Pad, SIDE } from "./pad.js";
import { WayChoice } from "./ways.js";

/** Ink that is brighter than this is inside of the outline. */
const INK = 96;

/** Milliseconds without a change after which the belief is said to screen readers. */
const SETTLED = 900;

const network = byId("network");
const rival = byId("rival");
const large = byId("large");
const classes = Array.from({ length: 10 }, (_, of) => of);

let models = [];
let frame = null;
/** The class that a person chose; without one it is the class that the network believes in. */
let chosen = null;
let shownPixels = null;
let settling;

const pad = new Pad(byId("pad"), byId("pen"), () => live.changed());
const way = new WayChoice(byId("way"), "Relevance is shared out by", () => live.changed());
const list = new ClassList(byId("classes"), "class", choose);
const flipping = new Flipping(() => ({
  model: network.value,
  pixels: api.toBase64(pad.pixels()),
  by: way.value,
  target: target(),
}));
const cells = classes.map(makeCell);
const live = new Live(byId("maps"), refresh);

/** The class that is shown in large. */
function target() {
  return chosen ?? frame?.predicted ?? 0;
}

function choose(of) {
  chosen = of === frame?.predicted ? null : of;
  live.changed();
}

async function refresh(signal) {
  // Who draws before the networks are known is answered when they are.
  if (models.length === 0) return;
  const pixels = pad.pixels();
  const of = target();
  const difference = rival.value === "" || Number(rival.value) === of ? null : { of: Number(rival.value), minus: of };
  const body = { model: network.value, pixels: api.toBase64(pixels), by: way.value, difference };
  const answer = await working("Explaining", () => api.digitFrame(body, { frame: "digit", signal }));
  if (!answer) return;
  frame = answer;
  shownPixels = pixels;
  show();
  flipping.forget(target());
  if (target() !== of && difference) live.changed();
}

function show() {
  const shape = outline({ width: SIDE, height: SIDE, values: shownPixels }, INK);
  const { values } = api.unpack(frame.maps);
  list.show(classes, { ...frame, label: String }, target());
  cells.forEach((cell, of) => showCell(cell, of, values.subarray(of * SIDE * SIDE, (of + 1) * SIDE * SIDE), shape));
  showLarge(shape);
  byId("belief").textContent = pad.empty ? "" : `It is ${article(frame.predicted)} ${frame.predicted}: ${percent(frame.probabilities[frame.predicted])}`;
  clearTimeout(settling);
  settling = setTimeout(() => announce(belief()), SETTLED);
}

function belief() {
  if (pad.empty) return "The pad is empty.";
  return `The network believes in ${frame.predicted}, ${percent(frame.probabilities[frame.predicted])}.`;
}

function makeCell(of) {
  const canvas = make("canvas", { width: SIDE, height: SIDE });
  const lines = makeSvg("path");
  const svg = makeSvg("svg", { class: "outline", viewBox: `0 0 ${SIDE} ${SIDE}`, "aria-hidden": "true" }, lines);
  const sum = make("span", { class: "sum" });
  const button = make(
    "button",
    { type: "button", class: "cell" },
    make("span", { class: "map" }, canvas, svg),
    caption("Map of", of, sum),
  );
  button.addEventListener("click", () => choose(of));
  byId("maps").append(button);
  return { button, canvas, lines, sum };
}

function showCell({ button, canvas, lines, sum }, of, values, shape) {
  drawHeatmap(canvas, { width: SIDE, height: SIDE, values }, frame.largest);
  lines.setAttribute("d", shape);
  sum.textContent = signed(frame.sums[of]);
  button.setAttribute("aria-pressed", String(of === target()));
}

function largeMap() {
  if (frame.difference) return api.unpackMap(frame.difference.map);
  const { values } = api.unpack(frame.maps);
  return { width: SIDE, height: SIDE, values: values.slice(target() * SIDE * SIDE, (target() + 1) * SIDE * SIDE) };
}

function showLarge(shape) {
  const of = target();
  const map = largeMap();
  drawHeatmap(large, map, largest(map.values));
  byId("large-outline").firstElementChild.setAttribute("d", shape);
  fillSelect(rival, [
    ["", "something else? Choose a class"],
    ...classes.filter((other) => other !== of).map((other) => [String(other), `${article(other)} ${other}?`]),
  ]);
  const { difference, predicted } = frame;
  if (difference) {
    byId("large-title").textContent = `What would make it ${article(difference.of)} ${difference.of}?`;
    byId("large-sum").textContent = `Score of ${difference.of} minus score of ${difference.minus}: ` +
      `${signed(difference.value)}. What is warm speaks for ${difference.of} already; what is cold speaks for ` +
      `${difference.minus}, and would have to change.`;
  } else {
    byId("large-title").textContent = `Why ${of === predicted ? "is it " : ""}${article(of)} ${of}?`;
    byId("large-sum").textContent =
      `Score ${signed(frame.scores[of])}, of which ${signed(frame.sums[of])} reached the pixels.`;
  }
}

function article(of) {
  return of === 8 ? "an" : "a";
}

function readPixel(event) {
  if (!frame) return;
  const box = large.getBoundingClientRect();
  const column = Math.floor(((event.clientX - box.left) / box.width) * SIDE);
  const row = Math.floor(((event.clientY - box.top) / box.height) * SIDE);
  const value = largeMap().values[row * SIDE + column];
  if (value === undefined) return;
  byId("large-pixel").textContent = `Column ${column}, row ${row}: ${signed(value)}`;
}

async function start() {
  models = (await api.models()).filter(({ page }) => page === "digits");
  fillSelect(network, models.map(({ id, title }) => [id, title]), models[0]?.id);
  offerWays();
  live.changed();
  showSamples(await api.digitSamples());
}

function offerWays() {
  const { ways, default_by: first } = models.find(({ id }) => id === network.value);
  way.offer(ways, first);
}

function showSamples(samples) {
  for (const { label, pixels } of samples) {
    const canvas = make("canvas", { width: SIDE, height: SIDE });
    const values = api.fromBase64(pixels);
    drawInk(canvas, values);
    const button = make("button", { type: "button", class: "sample", "aria-label": `Take a handwritten ${label}` }, canvas);
    button.addEventListener("click", () => {
      chosen = null;
      pad.take(values);
    });
    byId("samples").append(button);
  }
}

function drawInk(canvas, values) {
  const picture = new ImageData(SIDE, SIDE);
  values.forEach((ink, at) => picture.data.set([ink, ink, ink, 255], 4 * at));
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

network.addEventListener("change", () => {
  offerWays();
  live.changed();
});
rival.addEventListener("change", () => live.changed());
large.addEventListener("pointermove", readPixel);
byId("undo").addEventListener("click", () => pad.undo());
byId("redo").addEventListener("click", () => pad.redo());
byId("center").addEventListener("click", () => pad.center());
byId("clear").addEventListener("click", () => {
  chosen = null;
  pad.clear();
});
document.addEventListener("colors", () => frame && show());
working("Starting", start);
