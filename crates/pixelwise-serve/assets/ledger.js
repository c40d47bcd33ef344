// The ledger as a picture: relevance flows from the score at the top down to the pixels, and what does not arrive leaves it
// at the side, where it left.
//
// Networks branch: a step may see a part of the relevance alone. The stream is all that is on its way, the score without what
// left it so far; the steps' own numbers are in the table.

import { make, makeSvg } from "./elements.js";
import { percent, signed } from "./numbers.js";

/** Heights of rows, and of a line in them. */
const FOLDED = 30;
const LINE = 17;

/** Runs of steps without branches are folded, but not into fewer rows than this: one wants to see the layers go by. */
const ROWS = 10;

/** So many steps have a branch of their own, those with the largest sinks. */
const BRANCHES = 14;

/** A sink of less than this share of the score is not worth a branch. */
const SMALL = 0.005;

/**
 * A step of the way down.
 * @typedef {{name: string, kind: string|null, rule: string|null, upper: number, lower: number,
 *   sinks: {name: string, relevance: number}[]}} Step
 */

/** Draws the flow as wide as its place is. @param {{score: number, steps: Step[], pixels: number}} ledger */
export function drawFlow(place, { score, steps, pixels }) {
  const width = Math.max(280, place.clientWidth);
  const rows = folded(steps, score);
  const most = Math.max(...rows.flatMap(({ above, below }) => [Math.abs(above), Math.abs(below)]), 1e-12);
  const narrow = width < 520;
  const widest = narrow ? 64 : 120;
  const flow = {
    center: narrow ? 36 : 80,
    text: narrow ? 104 : 230,
    thickness: (value) => Math.max(1, (Math.abs(value) / most) * widest),
    score,
    narrow,
  };
  const parts = [label(flow, 18, "score", signed(score), "end-of-flow")];
  let y = 30;
  for (const row of rows) {
    const height = row.count ? FOLDED : (1 + (narrow ? row.sinks.length : 1)) * LINE + 12;
    parts.push(...(row.count ? foldedRow(flow, y, row) : stepRow(flow, y, height, row)));
    y += height;
  }
  parts.push(label(flow, y + 18, "pixels", `${signed(pixels)} (${percent(pixels / score)})`, "end-of-flow"));
  const svg = makeSvg("svg", { viewBox: `0 0 ${width} ${y + 30}`, width, height: y + 30, role: "img" }, ...parts);
  svg.setAttribute("aria-label", sentence({ score, steps, pixels }));
  place.replaceChildren(svg);
}

/** What a person sees at a glance, for those who don't see it. */
function sentence({ score, steps, pixels }) {
  const totals = new Map();
  for (const { name, relevance } of steps.flatMap((step) => step.sinks)) {
    totals.set(name, (totals.get(name) ?? 0) + relevance);
  }
  const largest = [...totals].sort(([, a], [, b]) => Math.abs(b) - Math.abs(a)).slice(0, 3);
  const sinks = largest.map(([name, relevance]) => `${name} ${signed(relevance)}`).join(", ");
  return `Of the score ${signed(score)}, ${signed(pixels)} reached the pixels. ${sinks ? `Sinks: ${sinks}.` : ""}`;
}

/** Steps with what is on its way above and below of them; runs of those that have no branch are one row. */
function folded(steps, score) {
  const rows = [];
  const longest = Math.ceil(steps.length / ROWS);
  const sizes = steps.map(size).sort((one, other) => other - one);
  const least = Math.max(SMALL * Math.abs(score), sizes[BRANCHES - 1] ?? 0);
  let above = score;
  for (const step of steps) {
    const lost = sum(step.sinks);
    const below = above - lost;
    const run = rows.at(-1);
    if (size(step) >= least) {
      const sinks = step.sinks.filter(({ relevance }) => Math.abs(relevance) >= SMALL * Math.abs(score));
      rows.push({ ...step, sinks, above, below });
    } else if (run?.count < longest) {
      Object.assign(run, { count: run.count + 1, lost: run.lost + lost, below, last: step.name });
    } else {
      rows.push({ count: 1, lost, above, below, first: step.name, last: step.name });
    }
    above = below;
  }
  return rows;
}

function sum(sinks) {
  return sinks.reduce((all, { relevance }) => all + relevance, 0);
}

/** How much goes into the largest sink of a step. */
function size({ sinks }) {
  return sinks.reduce((most, { relevance }) => Math.max(most, Math.abs(relevance)), 0);
}

function foldedRow(flow, y, { count, lost, above, below, first, last }) {
  const names = count === 1 ? first : `${count} steps, ${first} to ${last}`;
  const some = flow.narrow ? `${count} steps` : `${count} steps, ${shortened(first, 26)} to ${shortened(last, 26)}`;
  const short = count === 1 ? shortened(first, flow.narrow ? 22 : 64) : some;
  const sinks = Math.abs(lost) < SMALL * Math.abs(flow.score) ? "" : `sinks ${signed(lost)}`;
  const text = makeSvg("text", { class: "quiet-row", x: flow.text, y: y + FOLDED / 2 + 4 });
  text.append([signed(below), short, sinks].filter(Boolean).join(" · "));
  return [band(flow, y, FOLDED, above, below), titled(text, `${names}: ${sinks || "all is handed down"}`)];
}

function stepRow(flow, y, height, { name, kind, rule, upper, lower, sinks, above, below }) {
  const text = makeSvg("text", { x: flow.text, y: y + LINE });
  const about = flow.narrow ? "" : [kind, rule].filter(Boolean).join(", ");
  text.append(shortened(name, flow.narrow ? 30 : 48), tspan("quiet-row", ` ${about}`));
  const lost = makeSvg("text", { class: "sinks", x: flow.text, y: y + 2 * LINE });
  lost.append(...sinks.map(({ name: sink, relevance }, at) => {
    const words = `${sink} ${signed(relevance)} (${percent(relevance / flow.score)})`;
    const line = tspan(relevance < 0 ? "cold" : "warm", at > 0 && !flow.narrow ? ` · ${words}` : words);
    if (at > 0 && flow.narrow) {
      line.setAttribute("x", flow.text);
      line.setAttribute("dy", LINE);
    }
    return line;
  }));
  return [
    titled(band(flow, y, height, above, below), `${name}${rule ? `, ${rule}` : ""}: ${signed(upper)} came in, ${signed(lower)} went on`),
    branch(flow, y, above, sum(sinks)),
    text,
    lost,
  ];
}

/** The stream of a step: as wide at each end as the relevance there. */
function band({ center, thickness }, y, height, above, below) {
  const [top, bottom] = [thickness(above) / 2, thickness(below) / 2];
  const middle = y + height / 2;
  const right = `C${center + top} ${middle} ${center + bottom} ${middle} ${center + bottom} ${y + height}`;
  const left = `C${center - bottom} ${middle} ${center - top} ${middle} ${center - top} ${y}`;
  const d = `M${center - top} ${y}H${center + top}${right}H${center - bottom}${left}Z`;
  return makeSvg("path", { class: `band ${below < 0 ? "cold" : "warm"}`, d });
}

/** What leaves the stream at a step, or what a sink of the other sign adds to it. */
function branch({ center, thickness, text }, y, above, out) {
  const [from, to, width] = [center + thickness(above) / 2, text - 10, Math.min(thickness(out), 24)];
  const [start, end, bend] = [y + 2, y + 2 * LINE - 4, (from + to) / 2];
  const d = `M${from} ${start}C${bend} ${start} ${bend} ${end - width / 2} ${to} ${end - width / 2}` +
    `V${end + width / 2}C${bend} ${end + width / 2} ${bend} ${start + width} ${from} ${start + width}Z`;
  return makeSvg("path", { class: `branch ${out < 0 ? "cold" : "warm"}`, d });
}

function label({ center, text }, y, name, value, kind) {
  const group = makeSvg("g", { class: kind });
  group.append(
    makeSvg("text", { x: center, y, "text-anchor": "middle" }, name),
    makeSvg("text", { x: text, y }, value),
  );
  return group;
}

function tspan(name, content) {
  return makeSvg("tspan", { class: name }, content);
}

function titled(element, content) {
  element.append(makeSvg("title", {}, content));
  return element;
}

/** Names of nodes are long, and their end tells more than their beginning. */
function shortened(text, most) {
  const trimmed = text.trim();
  return trimmed.length <= most ? trimmed : `…${trimmed.slice(1 - most)}`;
}

/** The ledger as a table, with every number. */
export function ledgerTable({ score, steps, pixels }) {
  const cell = (content) => make("td", { textContent: content });
  const row = ({ name, rule, upper, lower, sinks }) => make(
    "tr", {}, make("th", { scope: "row", textContent: name }), cell(rule ?? ""), cell(signed(upper)), cell(signed(lower)),
    cell(sinks.map((sink) => `${sink.name} ${signed(sink.relevance)}`).join(", ")),
  );
  const head = ["step", "rule", "from above", "to below", "into sinks"];
  return make(
    "table", {},
    make("caption", { textContent: `Score ${signed(score)}, pixels ${signed(pixels)}` }),
    make("thead", {}, make("tr", {}, ...head.map((content) => make("th", { scope: "col", textContent: content })))),
    make("tbody", {}, ...steps.map(row)),
  );
}
