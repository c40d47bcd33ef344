// The page of photos: why this class, and not that one?

import "./site.js";
import * as api from "./api.js";
import { ClassList } from "./classes.js";
import { chosenScale } from "./colors.js";
import { byId, fillSelect, make } from "./elements.js";
import { drawHeatmap } from "./heatmap.js";
import { Layers } from "./layers.js";
import { drawFlow, ledgerTable } from "./ledger.js";
import { Newest } from "./live.js";
import { announce, showError, working } from "./notice.js";
import { percent, signed } from "./numbers.js";
import { Panes } from "./panes.js";
import { bothSigns, patchAround } from "./regions.js";
import { WayChoice } from "./ways.js";

/** So many classes are listed. */
const LISTED = 8;

/** Files that a map can be taken as; a model need not have all of them. */
const FILES = [
  ["heatmap", "Heatmap, PNG"],
  ["overlay", "Overlay, PNG"],
  ["edges", "Edges, PNG"],
  ["npy", "Relevance, NPY"],
  ["record", "Record, JSON"],
];
const PICTURES = ["heatmap", "overlay", "edges"];

let model = null;
let photo = null;
/** The class to explain. */
let target = null;
/** What the server said of the first way, and of the second where there is one; with their maps. */
const answers = { first: null, second: null };

const search = byId("search");
const against = byId("against");
const second = byId("second");
const list = new ClassList(byId("classes"), "class", (of) => {
  target = of;
  listRivals();
  explainAll();
});
const ways = {
  first: new WayChoice(byId("way"), "Relevance is shared out by", () => explain("first")),
  second: new WayChoice(byId("second-way"), "Second way", () => explain("second")),
};
const newest = { photo: new Newest(), first: new Newest(), second: new Newest() };
const panes = new Panes(byId("panes"), { pointed: showPoint, boxed: showBox });
const layers = new Layers(question, () => explain("first"));
const boxFields = { x: byId("box-x"), y: byId("box-y"), width: byId("box-width"), height: byId("box-height") };

function labelOf(of) {
  return model.labels?.[of] ? `${model.labels[of]}` : `class ${of}`;
}

// A photo comes in.

async function take(file) {
  const name = file.name || "pasted.png";
  const sent = await working("Reading the photo", () =>
    newest.photo.ask((signal) => api.sendPhoto(file, name, { signal })));
  if (!sent) return;
  const picture = await working("Fetching the photo", () => load(sent.prepared.picture));
  if (!picture) return;
  photo = { ...sent, image: picture };
  target = photo.order[0];
  document.body.classList.remove("explained");
  byId("work").hidden = false;
  byId("choose").classList.add("chosen");
  const { width, height } = photo.prepared;
  byId("photo-line").textContent = `${photo.name}, ${photo.width} × ${photo.height}; the model sees ${width} × ${height}. ` +
    photo.warnings.join(" ");
  panes.resize(width, height);
  for (const field of ["x", "width"]) boxFields[field].max = width;
  for (const field of ["y", "height"]) boxFields[field].max = height;
  clearBox();
  search.value = "";
  listClasses();
  listRivals();
  drawPhoto(panes.pane("original", "Original", 1).canvases[0]);
  await explainAll();
}

async function load(path) {
  const image = new Image();
  image.src = path;
  await image.decode().catch(() => {
    throw new Error("The picture as the model sees it could not be fetched. Choose the photo again.");
  });
  return image;
}

function drawPhoto(canvas) {
  const { width, height } = photo.prepared;
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").drawImage(photo.image, 0, 0, width, height);
}

// Classes.

function listClasses() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const named = (of) => words.length === 1 && String(of) === words[0];
  const fits = (of) => words.every((word) => labelOf(of).toLowerCase().includes(word));
  // A number is the class of that number before it is a part of a name.
  const found = [...photo.order.filter(named), ...photo.order.filter((of) => fits(of) && !named(of))];
  const shown = found.slice(0, LISTED);
  if (words.length === 0 && !shown.includes(target)) shown.push(target);
  list.show(shown, { ...photo, label: labelOf }, target);
  const more = found.length - Math.min(found.length, LISTED);
  byId("classes-line").textContent = found.length === 0
    ? "No class has such a name."
    : `${more > 0 ? `${more} more; search finds them. ` : ""}${photo.probabilities ? "Score, and probability." : "Score."}`;
}

function listRivals() {
  byId("against-field").hidden = !model.contrast;
  fillSelect(against, [
    ["", "any: the class alone"],
    ["others", "any other (their mean)"],
    ...photo.order.filter((of) => of !== target).map((of) => [String(of), labelOf(of)]),
  ]);
}

// Explanations.

/** What is asked of the server, but for the way to explain. */
function question() {
  const rival = against.value === "others" || against.value === "" ? against.value || null : Number(against.value);
  return { photo: photo.id, target, against: rival, by: ways.first.value };
}

async function explainAll() {
  listClasses();
  await Promise.all([explain("first"), second.checked ? explain("second") : null]);
}

async function explain(which) {
  if (!photo) return;
  const body = { ...question(), by: ways[which].value };
  if (which === "first") Object.assign(body, layers.wish());
  const answer = await working(`Explaining ${labelOf(target)}`, () =>
    newest[which].ask((signal) => api.explain(body, { frame: which, signal })));
  if (!answer) return;
  answers[which] = { ...answer, pixels: api.unpackMap(answer.map) };
  showMap(which);
  if (which === "first") showAnswer();
  document.body.classList.add("explained");
}

function showMap(which) {
  const answer = answers[which];
  if (!answer) return;
  const way = answer.by;
  const [map] = panes.pane(`map-${which}`, `Map, ${way}`, 1).canvases;
  const [under, over] = panes.pane(`overlay-${which}`, `Overlay, ${way}`, 2).canvases;
  drawHeatmap(map, answer.pixels, answer.largest / strength());
  drawHeatmap(over, answer.pixels, answer.largest / strength());
  drawPhoto(under);
  under.classList.add("under");
  over.classList.add("over");
  showOpacity();
  showShares();
}

function showAnswer() {
  const { against: rival, value, positive, negative, sum, hint, ledger, command, files, at } = answers.first;
  const name = labelOf(target);
  const title = rival ? `Why ${name}, and not ${rival.class === "others" ? "any other" : labelOf(rival.class)}?` : `Why ${name}?`;
  byId("map-title").textContent = title;
  byId("sums").textContent = `${rival ? "Difference of the scores" : "Score"} ${signed(value)}. The pixels have ` +
    `${signed(sum)}: ${signed(positive)} for it, ${signed(negative)} against it.`;
  byId("hint").hidden = !hint;
  byId("hint").textContent = hint ?? "";
  showLedger(ledger);
  layers.show(at);
  showFiles(files, command);
  announce(`${title} ${byId("sums").textContent}`);
}

function showLedger(ledger) {
  if (!ledger) {
    byId("flow").replaceChildren(make("p", { class: "hint", textContent: "This method keeps no ledger." }));
    byId("ledger-table").replaceChildren();
    return;
  }
  drawFlow(byId("flow"), ledger);
  byId("ledger-table").replaceChildren(ledgerTable(ledger));
}

/** Not every server knows the command line that it was started with. */
function showFiles(files, command) {
  byId("take").hidden = !files;
  byId("command").textContent = command ?? "";
  const there = FILES.filter(([kind]) => files?.[kind]);
  byId("files").replaceChildren(...there.map(([kind, text]) => fileLink(files[kind], kind, text)));
}

function fileLink(path, kind, textContent) {
  const href = PICTURES.includes(kind) ? `${path}?colormap=${chosenScale()}` : path;
  return make("a", { class: "button", href, download: "", id: `file-${kind}`, textContent });
}

// What a person points at.

function showPoint(x, y, byKey) {
  const patch = patchAround(x, y, panes.patch);
  const parts = shown().map(({ pixels, by }) => {
    const { positive, negative } = bothSigns(pixels, patch);
    const value = pixels.values[y * pixels.width + x];
    return `${by ? `${by}: ` : ""}pixel ${signed(value)}, its patch of ${panes.patch} × ${panes.patch} ${signed(positive + negative)}`;
  });
  byId("point").textContent = `Column ${x}, row ${y}. ${parts.join("; ")}.`;
  if (byKey) announce(byId("point").textContent);
}

/** Answers that are on the page; of two, each with the name of its way. */
function shown() {
  const all = [answers.first, second.checked ? answers.second : null].filter(Boolean);
  return all.length > 1 ? all : all.map((answer) => ({ ...answer, by: "" }));
}

function showBox(box) {
  for (const [side, field] of Object.entries(boxFields)) field.value = box?.[side] ?? "";
  showShares();
}

function showShares() {
  const { box } = panes;
  const parts = box
    ? shown().map(({ pixels, by }) => {
      const [inside, all] = [bothSigns(pixels, box), bothSigns(pixels)];
      return `${by ? `${by}: ` : ""}${shareOf(inside.positive, all.positive, "positive")}, ` +
        shareOf(inside.negative, all.negative, "negative");
    })
    : [];
  byId("box-share").textContent = box
    ? `In the box, ${percent((box.width * box.height) / (panes.width * panes.height))} of the area: ${parts.join("; ")}.`
    : "Draw a box on a picture, or type one: how much of the relevance is in it?";
}

function shareOf(part, all, sign) {
  return all === 0 ? `there is no ${sign} relevance` : `${percent(part / all)} of all ${sign} relevance (${signed(part)})`;
}

function typeBox() {
  const [x, y, right, down] = Object.values(boxFields).map(({ value }) => Math.max(0, Math.floor(Number(value))));
  const [width, height] = [Math.min(right, panes.width - x), Math.min(down, panes.height - y)];
  panes.setBox(width > 0 && height > 0 ? { x, y, width, height } : null);
  showShares();
}

function clearBox() {
  panes.setBox(null);
  showBox(null);
}

/** How many times stronger colors are than those of the files, so that a single strong pixel does not make all others pale. */
function strength() {
  return Number((10 ** (byId("strength").value / 40)).toPrecision(2));
}

function showStrength() {
  byId("strength-value").textContent = String(strength());
  byId("legend-line").textContent = strength() === 1
    ? "each map by its own largest value"
    : `each map by ${percent(1 / strength())} of its own largest value`;
  for (const which of Object.keys(answers)) showMap(which);
}

function showOpacity() {
  document.querySelectorAll("canvas.over").forEach((canvas) => (canvas.style.opacity = byId("opacity").value / 100));
}

// The page.

async function start() {
  const { pages } = await api.server();
  const served = pages.includes("photos");
  byId("no-model").hidden = served;
  byId("choose").hidden = !served;
  if (!served) return;
  model = await api.model("photos");
  byId("model-line").textContent = [
    `${model.title}: ${model.classes} ${model.classes === 1 ? "class" : "classes"}`, model.preprocess,
  ].filter(Boolean).join(", ");
  ways.first.offer(model.ways, model.default_by);
  // A second way that is the first one shows nothing.
  const other = model.ways.find(({ name }) => name !== model.default_by.split("=")[0]);
  ways.second.offer(model.ways, other?.name ?? model.default_by);
  byId("how").hidden = !other;
  layers.offer(model.layers ?? []);
  byId("file").disabled = false;
  document.body.classList.add("ready");
}

byId("file").addEventListener("change", ({ target: { files } }) => files[0] && take(files[0]));
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  byId("drop").classList.add("over-it");
});
document.addEventListener("dragleave", () => byId("drop").classList.remove("over-it"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  byId("drop").classList.remove("over-it");
  const [file] = event.dataTransfer.files;
  if (file && model) take(file);
  else if (model) showError(new Error("What was dropped is no file. Save the picture first, and drop that."));
});
document.addEventListener("paste", (event) => {
  const [file] = event.clipboardData.files;
  if (!file || !model) return;
  event.preventDefault();
  take(file);
});

search.addEventListener("input", listClasses);
against.addEventListener("change", explainAll);
second.addEventListener("change", () => {
  byId("second-way").hidden = !second.checked;
  byId("panes").classList.toggle("two", second.checked);
  if (second.checked) {
    explain("second");
    return;
  }
  newest.second.abort();
  answers.second = null;
  for (const name of ["map-second", "overlay-second"]) panes.remove(name);
  showShares();
});

byId("zoom-in").addEventListener("click", () => panes.zoomAtPoint(1.5));
byId("zoom-out").addEventListener("click", () => panes.zoomAtPoint(1 / 1.5));
byId("zoom-fit").addEventListener("click", () => panes.fit());
byId("opacity").addEventListener("input", showOpacity);
byId("strength").addEventListener("input", showStrength);
document.querySelectorAll("input[name=drag]").forEach((input) =>
  input.addEventListener("change", () => panes.setDrag(input.value)));
for (const field of Object.values(boxFields)) field.addEventListener("input", typeBox);
byId("box-clear").addEventListener("click", clearBox);

byId("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(byId("command").textContent);
  announce("The command line is copied.");
});

let flowWidth = 0;
new ResizeObserver(([{ contentRect: { width } }]) => {
  if (width === flowWidth) return;
  flowWidth = width;
  if (answers.first?.ledger) drawFlow(byId("flow"), answers.first.ledger);
}).observe(byId("flow"));

document.addEventListener("colors", () => {
  for (const which of Object.keys(answers)) showMap(which);
  if (answers.first) showAnswer();
});

// A finger that drags over a picture wants to move it, or the page.
if (matchMedia("(pointer: coarse)").matches) {
  document.querySelector("input[name=drag][value=move]").checked = true;
  panes.setDrag("move");
}

working("Reading the model", start);
