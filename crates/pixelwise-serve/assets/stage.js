// The canvas that shapes are put on, moved about, and changed: by mouse, touch, pen and keyboard.

import { makeSvg } from "./elements.js";
import { KINDS, pathOf } from "./figures.js";

/** Colors that new shapes take in turn; all of them differ from the ground in lightness. */
const COLORS = ["#f2b134", "#e8505b", "#f4f1de", "#8fd694", "#f08a4b", "#c6a4f5"];
const SIZE = 24;

/** A size has these bounds, as those of the pictures that the classifier learned from have, with some room above. */
const [SMALLEST, LARGEST] = [5, 60];

export class Stage {
  /**
   * @param {SVGSVGElement} svg
   * @param {{changed: () => void, selected: () => void}} told
   */
  constructor(svg, told) {
    Object.assign(this, { svg, told, figures: [], selected: null, ground: "#1d3f8f", picture: null, made: 0 });
    svg.addEventListener("pointerdown", (event) => event.target === svg.firstElementChild && this.select(null));
  }

  resize(width, height) {
    Object.assign(this, { width, height });
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.draw();
  }

  /** Puts a new shape on the canvas. */
  add(kind, x, y, { size = SIZE, turn = 0 } = {}) {
    const figure = { kind, x, y, size, turn, color: COLORS[this.made++ % COLORS.length] };
    this.figures.push(figure);
    this.selected = figure;
    this.update();
    this.told.selected();
    return figure;
  }

  /** Adds a shape, and lets the pointer that pressed on the palette carry it. */
  carry(kind, event) {
    const source = event.currentTarget;
    let figure = null;
    const move = (moved) => {
      const [x, y] = this.place(moved);
      if (figure) this.change(figure, this.inside(x, y));
      else if (x >= 0 && y >= 0 && x < this.width && y < this.height) figure = this.add(kind, x, y);
    };
    const end = () => {
      source.removeEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) source.removeEventListener(name, end);
    };
    source.setPointerCapture(event.pointerId);
    source.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) source.addEventListener(name, end);
  }

  change(figure, changes) {
    Object.assign(figure, changes);
    this.update();
  }

  remove(figure) {
    this.figures = this.figures.filter((other) => other !== figure);
    this.select(null);
    this.update();
  }

  clear() {
    Object.assign(this, { figures: [], picture: null });
    this.select(null);
    this.update();
  }

  /** Takes a picture as the ground. @param {HTMLImageElement} picture */
  take(picture) {
    Object.assign(this, { figures: [], picture });
    this.select(null);
    this.update();
  }

  select(figure) {
    this.selected = figure;
    this.draw();
    this.told.selected();
  }

  update() {
    this.draw();
    this.told.changed();
  }

  /** Where a pointer is, in pixels of the picture. */
  place(event) {
    const frame = this.svg.getBoundingClientRect();
    return [
      ((event.clientX - frame.left) / frame.width) * this.width,
      ((event.clientY - frame.top) / frame.height) * this.height,
    ];
  }

  inside(x, y) {
    return { x: Math.max(0, Math.min(this.width, x)), y: Math.max(0, Math.min(this.height, y)) };
  }

  /** Draws all anew, but keeps the elements of shapes that are still there: they have the keyboard's focus. */
  draw() {
    if (!this.width) return;
    this.elements ??= new Map();
    const ground = makeSvg("rect", { width: this.width, height: this.height, fill: this.ground });
    const picture = this.picture
      ? [makeSvg("image", { href: this.picture.src, width: this.width, height: this.height, "pointer-events": "none" })]
      : [];
    for (const figure of this.elements.keys()) {
      if (this.figures.includes(figure)) continue;
      this.elements.get(figure).remove();
      this.elements.delete(figure);
    }
    for (const old of this.svg.querySelectorAll(":scope > rect, :scope > image")) old.remove();
    this.svg.prepend(ground, ...picture);
    this.figures.forEach((figure, at) => this.drawFigure(figure, at));
  }

  drawFigure(figure, at) {
    if (!this.elements.has(figure)) {
      const element = this.makeElement(figure);
      this.elements.set(figure, element);
      this.svg.append(element);
    }
    const element = this.elements.get(figure);
    element.setAttribute("d", pathOf(figure));
    element.setAttribute("fill", figure.color);
    element.classList.toggle("selected", figure === this.selected);
    element.setAttribute("aria-pressed", String(figure === this.selected));
    element.setAttribute("aria-label", `${at + 1}: ${figure.kind} at column ${Math.round(figure.x)}, row ${Math.round(figure.y)}`);
  }

  makeElement(figure) {
    const element = makeSvg("path", { class: "figure", tabindex: 0, role: "button", "aria-describedby": "shape-help" });
    element.addEventListener("focus", () => this.selected !== figure && this.select(figure));
    element.addEventListener("keydown", (event) => this.key(figure, event));
    element.addEventListener("pointerdown", (event) => {
      element.setPointerCapture(event.pointerId);
      element.focus();
      const [x, y] = this.place(event);
      this.grip = [figure.x - x, figure.y - y];
    });
    element.addEventListener("pointermove", (event) => {
      if (!element.hasPointerCapture(event.pointerId)) return;
      const [x, y] = this.place(event);
      this.change(figure, this.inside(x + this.grip[0], y + this.grip[1]));
    });
    return element;
  }

  key(figure, event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in moves) {
      const [right, down] = moves[event.key].map((step) => step * (event.shiftKey ? 10 : 1));
      this.change(figure, this.inside(figure.x + right, figure.y + down));
    } else if (event.key === "+" || event.key === "=") this.change(figure, { size: Math.min(LARGEST, figure.size + 1) });
    else if (event.key === "-") this.change(figure, { size: Math.max(SMALLEST, figure.size - 1) });
    else if (event.key === "[") this.change(figure, { turn: (figure.turn + 355) % 360 });
    else if (event.key === "]") this.change(figure, { turn: (figure.turn + 5) % 360 });
    else if (event.key === "Delete" || event.key === "Backspace") this.leave(figure);
    else return;
    event.preventDefault();
    this.told.selected();
  }

  /** Removes a shape by keyboard; the focus goes to another one, and not to nowhere. */
  leave(figure) {
    const at = this.figures.indexOf(figure);
    this.remove(figure);
    const next = this.figures[Math.min(at, this.figures.length - 1)];
    if (next) this.elements.get(next).focus();
    else document.querySelector("#palette button").focus();
  }
}

export const kindNames = Object.keys(KINDS);
