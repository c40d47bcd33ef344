// Scores of all classes while pixels are flipped, as a picture of lines.

import { makeSvg } from "./elements.js";
import { signed } from "./numbers.js";

const [WIDTH, HEIGHT] = [480, 220];
const MARGIN = { left: 44, right: 28, top: 10, bottom: 26 };

/** Draws the curves, and marks a step. */
export class Curve {
  /** @param {SVGSVGElement} svg */
  constructor(svg) {
    this.svg = svg;
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  }

  /**
   * @param {number[][]} scores of each class after each step
   * @param {number} target the class whose pixels are flipped
   * @param {number} each pixels of a step
   */
  show(scores, target, each) {
    const all = scores.flat();
    this.steps = scores.length - 1;
    this.low = Math.min(...all);
    this.high = Math.max(...all);
    const last = scores.at(-1);
    const winner = last.indexOf(Math.max(...last));
    const order = last.map((_, of) => of).sort((a, b) => rank(a) - rank(b));
    function rank(of) {
      return of === target ? 2 : of === winner ? 1 : 0;
    }
    this.marker = makeSvg("line", { class: "marker", y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom });
    this.svg.replaceChildren(
      ...this.axes(each),
      this.marker,
      ...order.flatMap((of) => this.line(scores, of, of === target ? "target" : of === winner ? "winner" : "other")),
    );
    this.svg.setAttribute(
      "aria-label",
      `Score of ${target}: from ${signed(scores[0][target])} to ${signed(last[target])} ` +
        `after ${this.steps * each} flipped pixels; the highest is then ${winner}, with ${signed(last[winner])}.`,
    );
    this.mark(0);
  }

  mark(step) {
    this.marker.setAttribute("x1", this.x(step));
    this.marker.setAttribute("x2", this.x(step));
  }

  x(step) {
    return MARGIN.left + ((WIDTH - MARGIN.left - MARGIN.right) * step) / Math.max(1, this.steps);
  }

  y(score) {
    const share = (score - this.low) / (this.high - this.low || 1);
    return HEIGHT - MARGIN.bottom - (HEIGHT - MARGIN.top - MARGIN.bottom) * share;
  }

  axes(each) {
    const text = (x, y, content, anchor) => makeSvg("text", { x, y, "text-anchor": anchor }, content);
    const zero = this.low < 0 && this.high > 0
      ? [
        makeSvg("line", { class: "axis", x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: this.y(0), y2: this.y(0) }),
        text(MARGIN.left - 6, this.y(0) + 4, "0", "end"),
      ]
      : [];
    const far = (y) => zero.length === 0 || Math.abs(y - this.y(0)) > 14;
    return [
      ...zero,
      ...[this.low, this.high].filter((score) => far(this.y(score)))
        .map((score) => text(MARGIN.left - 6, this.y(score) + 4, signed(score), "end")),
      text(MARGIN.left, HEIGHT - 8, "0", "middle"),
      text((MARGIN.left + WIDTH - MARGIN.right) / 2, HEIGHT - 8, "flipped pixels", "middle"),
      text(WIDTH - MARGIN.right, HEIGHT - 8, String(this.steps * each), "middle"),
    ];
  }

  line(scores, of, kind) {
    const points = scores.map((row, step) => `${this.x(step).toFixed(1)},${this.y(row[of]).toFixed(1)}`).join(" ");
    const line = makeSvg("polyline", { class: `line ${kind}`, points });
    if (kind === "other") return [line];
    const end = scores.at(-1)[of];
    return [line, makeSvg("text", { class: `name ${kind}`, x: WIDTH - MARGIN.right + 6, y: this.y(end) + 5 }, String(of))];
  }
}
