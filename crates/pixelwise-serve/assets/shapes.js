// The page of shapes: a Bag-of-Words classifier looks for polygons on a canvas.

import "./site.js";
import * as api from "./api.js";
import { byId, make, makeSvg } from "./elements.js";
import { paint, pathOf } from "./figures.js";
import { drawHeatmap } from "./heatmap.js";
import { drawFlow } from "./ledger.js";
import { Live, Newest } from "./live.js";
import { announce, working } from "./notice.js";
import { signed } from "./numbers.js";
import { kindNames, Stage } from "./stage.js";

/** Milliseconds between two looks at how far learning is. */
const LOOK = 500;
const SETTLED = 1200;

const stage = new Stage(byId("stage"), { changed, selected: showSelected });
const live = new Live(byId("shape-map"), refresh);
const newestWords = new Newest();
const canvas = make("canvas");

let ready = null;
let frame = null;
let point = null;
let settling;

function changed() {
  if (ready) live.changed();
}

async function refresh(signal) {
  const { width, height, ground, picture, figures } = stage;
  paint(canvas, { width, height, ground, picture, figures });
  const file = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const painted = await createImageBitmap(canvas);
  const answer = await working("Looking for polygons", () => api.shapesFrame(file, { signal }));
  if (!answer) return;
  frame = { ...answer, pixels: api.unpackMap(answer.map) };
  // The canvas may have moved on while the classifier looked.
  Object.assign(byId("under"), { width, height });
  byId("under").getContext("2d").drawImage(painted, 0, 0);
  show();
  if (point) askWords();
}

function show() {
  const { classes, positive, negative, ledger, pixels, largest } = frame;
  drawHeatmap(byId("map"), pixels, largest);
  byId("belief").textContent = `${classes.map(({ label, score }) => `${label} ${signed(score)}`).join(", ")}. The pixels ` +
    `have ${signed(positive)} for it, ${signed(negative)} against it.`;
  byId("flow").hidden = !ledger;
  if (ledger) drawFlow(byId("flow"), ledger);
  document.body.classList.add("explained");
  clearTimeout(settling);
  settling = setTimeout(() => announce(byId("belief").textContent), SETTLED);
}

// The chosen shape.

function showSelected() {
  const figure = stage.selected;
  for (const control of byId("shape-tools").querySelectorAll("input, button")) control.disabled = !figure;
  if (!figure) return;
  byId("size").value = figure.size;
  byId("turn").value = figure.turn;
  byId("color").value = figure.color;
}

function changeSelected() {
  if (!stage.selected) return;
  stage.change(stage.selected, {
    size: Number(byId("size").value),
    turn: Number(byId("turn").value),
    color: byId("color").value,
  });
}

function makePalette() {
  for (const kind of kindNames) {
    const path = makeSvg("path", { d: pathOf({ kind, x: 16, y: 16, size: 12, turn: 0 }) });
    const icon = makeSvg("svg", { viewBox: "0 0 32 32", "aria-hidden": "true" }, path);
    const button = make("button", { type: "button", class: "shape", "aria-label": `Add a ${kind}`, title: kind }, icon);
    button.addEventListener("pointerdown", (event) => stage.carry(kind, event));
    button.addEventListener("click", (event) => {
      // A press that carried a shape onto the canvas ends as a click here, but not at this place.
      const under = document.elementFromPoint(event.clientX, event.clientY);
      const byKey = event.detail === 0;
      if (!byKey && !button.contains(under)) return;
      const figure = stage.add(kind, ...freePlace());
      if (byKey) stage.elements.get(figure).focus();
    });
    byId("palette").append(button);
  }
}

/** A place for a shape that comes by a button: not on top of the last one. */
function freePlace() {
  const at = stage.figures.length;
  return [stage.width * (0.25 + 0.25 * (at % 3)), stage.height * (0.25 + 0.25 * (Math.floor(at / 3) % 3))];
}

// Visual words.

function pointAt(x, y) {
  const inside = (value, size) => Math.max(0, Math.min(size - 1, Math.round(value)));
  point = { x: inside(x, stage.width), y: inside(y, stage.height) };
  byId("word-x").value = point.x;
  byId("word-y").value = point.y;
  mark([]);
}

async function askWords() {
  if (!frame || !point) return;
  const { x, y } = point;
  const answer = await working("Asking for visual words", () => newestWords.ask(() => api.wordsAt(frame.id, x, y)));
  if (!answer || point.x !== x || point.y !== y) return;
  mark(answer.areas);
  byId("words-line").textContent = answer.features === 0
    ? "No local feature covers this point."
    : `${answer.features} local features cover column ${x}, row ${y}.`;
  byId("words-table").replaceChildren(answer.words.length > 0 ? wordsTable(answer.words) : "");
}

function wordsTable(words) {
  const most = Math.max(...words.map(({ weight }) => weight), 1e-9);
  const row = ({ channel, word, weight, relevance, here }) => {
    const bar = make("span", { class: `word-bar ${relevance < 0 ? "cold" : "warm"}` });
    bar.style.inlineSize = `${(100 * weight) / most}%`;
    return make(
      "tr", {},
      make("th", { scope: "row", textContent: `${channel} · ${word}` }),
      make("td", { class: "word-weight" }, make("span", { textContent: weight.toFixed(2) }), bar),
      make("td", { textContent: signed(relevance) }),
      make("td", { textContent: signed(here) }),
    );
  };
  const head = ["channel · word", "weight", "R³", "of it here"];
  return make(
    "table", {},
    make("thead", {}, make("tr", {}, ...head.map((content) => make("th", { scope: "col", textContent: content })))),
    make("tbody", {}, ...words.map(row)),
  );
}

function mark(areas) {
  byId("marks").replaceChildren(
    ...areas.map(({ x, y, width, height, relevance }) =>
      makeSvg("rect", { class: relevance < 0 ? "area cold" : "area warm", x, y, width, height })),
    makeSvg("circle", { class: "point", cx: point.x + 0.5, cy: point.y + 0.5, r: 3 }),
  );
}

async function keyOnMap(event) {
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.key in moves) {
    const [right, down] = moves[event.key].map((step) => step * (event.shiftKey ? 20 : 4));
    const { x, y } = point ?? { x: stage.width / 2, y: stage.height / 2 };
    event.preventDefault();
    pointAt(x + right, y + down);
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    if (!point) pointAt(stage.width / 2, stage.height / 2);
    await askWords();
    announce(byId("words-line").textContent);
  }
}

function pressOnMap(event) {
  const frame = byId("shape-map").getBoundingClientRect();
  pointAt(
    ((event.clientX - frame.left) / frame.width) * stage.width,
    ((event.clientY - frame.top) / frame.height) * stage.height,
  );
  askWords();
}

// The page.

/** Waits until the classifier has learned, and says how far it is; only its beginning and end are said aloud. */
async function learned() {
  let state = await working("Starting", api.shapes);
  if (state?.state === "learning") announce(state.sentence);
  while (state?.state === "learning") {
    byId("learning").hidden = false;
    byId("learning-sentence").textContent = state.sentence;
    byId("learning-done").value = state.done;
    await new Promise((resolve) => setTimeout(resolve, LOOK));
    state = await working("Learning", api.shapes);
  }
  if (!state) return null;
  byId("learning").hidden = state.state === "ready";
  if (state.state === "ready") return state;
  byId("learning-title").textContent = "The classifier could not be learned";
  byId("learning-sentence").textContent = state.sentence;
  byId("learning-done").hidden = true;
  announce(state.sentence);
  return null;
}

async function start() {
  makePalette();
  ready = await learned();
  if (!ready) return;
  const { width, height, samples } = ready;
  for (const section of document.querySelectorAll("section[inert]")) section.inert = false;
  byId("marks").setAttribute("viewBox", `0 0 ${width} ${height}`);
  byId("word-x").max = width - 1;
  byId("word-y").max = height - 1;
  samples.forEach(makeSample);
  stage.resize(width, height);
  stage.add("triangle", width * 0.28, height * 0.3, { size: 26, turn: 20 });
  stage.add("circle", width * 0.7, height * 0.34, { size: 26 });
  stage.add("square", width * 0.5, height * 0.72, { size: 22, turn: 30 });
  stage.select(null);
}

function makeSample(path, at) {
  const image = make("img", { src: path, alt: "", draggable: false });
  const button = make("button", { type: "button", class: "sample", "aria-label": `Take picture ${at + 1}` }, image);
  button.addEventListener("click", () => stage.take(image));
  byId("samples").append(button);
}

byId("ground").value = stage.ground;
byId("ground").addEventListener("input", () => {
  stage.ground = byId("ground").value;
  stage.update();
});
for (const id of ["size", "turn", "color"]) byId(id).addEventListener("input", changeSelected);
byId("remove").addEventListener("click", () => stage.selected && stage.remove(stage.selected));
byId("clear").addEventListener("click", () => stage.clear());
byId("opacity").addEventListener("input", showOpacity);
byId("shape-map").addEventListener("pointerdown", pressOnMap);
byId("shape-map").addEventListener("keydown", keyOnMap);
byId("ask-words").addEventListener("click", async () => {
  pointAt(Number(byId("word-x").value), Number(byId("word-y").value));
  await askWords();
  announce(byId("words-line").textContent);
});
document.addEventListener("colors", () => frame && show());

function showOpacity() {
  byId("map").style.opacity = byId("opacity").value / 100;
}

showOpacity();
showSelected();
start();
