// Pictures of the same place beside each other: what is zoomed, moved, pointed at or boxed in one is so in all.

import { make, makeSvg } from "./elements.js";
import { patchAround } from "./regions.js";

/** How far one can zoom in. */
const MOST = 32;

/** So many patches are as wide as the picture, about. */
const PATCHES = 24;

/** A part of the picture in its pixels. @typedef {{x: number, y: number, width: number, height: number}} Box */

export class Panes {
  /**
   * @param {HTMLElement} place
   * @param {{pointed: (x: number, y: number, byKey: boolean) => void, boxed: (box: Box) => void}} told
   */
  constructor(place, told) {
    this.place = place;
    this.told = told;
    this.panes = new Map();
    this.drag = "box";
    this.pointers = new Map();
    this.fit();
  }

  /** Says how large the picture is; what was marked in the last one is forgotten. */
  resize(width, height) {
    // A patch has a pixel in its middle.
    const patch = 2 * Math.floor(Math.max(1, width / PATCHES) / 2) + 1;
    Object.assign(this, { width, height, patch, point: null, box: null });
    this.fit();
    for (const pane of this.panes.values()) this.shape(pane);
  }

  /** The pane of a name, made if there is none yet, with a caption and canvases one above the other. */
  pane(name, caption, layers) {
    const pane = this.panes.get(name) ?? this.makePane(name, layers);
    pane.caption.textContent = caption;
    pane.caption.title = caption;
    pane.window.setAttribute("aria-label", `${caption}. Arrows point at a pixel, plus and minus zoom, 0 fits.`);
    return pane;
  }

  remove(name) {
    this.panes.get(name)?.figure.remove();
    this.panes.delete(name);
  }

  makePane(name, layers) {
    const canvases = Array.from({ length: layers }, () => make("canvas"));
    const marks = makeSvg("svg", { class: "marks", "aria-hidden": "true", preserveAspectRatio: "none" });
    const sheet = make("div", { class: "sheet" }, ...canvases, marks);
    const window = make("div", { class: "window", tabIndex: 0, role: "application" }, sheet);
    const caption = make("figcaption");
    const figure = make("figure", { class: `pane ${name}` }, caption, window);
    const pane = { figure, caption, window, sheet, canvases, marks };
    this.listen(window);
    this.place.append(figure);
    this.panes.set(name, pane);
    this.shape(pane);
    return pane;
  }

  shape({ window, marks }) {
    if (!this.width) return;
    window.style.aspectRatio = `${this.width} / ${this.height}`;
    marks.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    this.move();
    this.mark();
  }

  /** Zooms by a factor; the place at (x, y), in shares of the window, stays where it is. */
  zoom(factor, x = 0.5, y = 0.5) {
    const scale = Math.max(1, Math.min(MOST, this.scale * factor));
    this.left += x / this.scale - x / scale;
    this.top += y / this.scale - y / scale;
    this.scale = scale;
    this.move();
  }

  fit() {
    Object.assign(this, { scale: 1, left: 0, top: 0 });
    this.move();
  }

  shift(right, down) {
    this.left += right / this.scale;
    this.top += down / this.scale;
    this.move();
  }

  move() {
    const room = 1 - 1 / this.scale;
    this.left = Math.max(0, Math.min(room, this.left));
    this.top = Math.max(0, Math.min(room, this.top));
    const [x, y] = [-100 * this.scale * this.left, -100 * this.scale * this.top];
    for (const { sheet } of this.panes.values()) sheet.style.transform = `translate(${x}%, ${y}%) scale(${this.scale})`;
    this.place.classList.toggle("zoomed", this.scale > 1);
  }

  setDrag(drag) {
    this.drag = drag;
    this.place.classList.toggle("moving", drag === "move");
  }

  setBox(box) {
    this.box = box;
    this.mark();
  }

  mark() {
    const box = this.box && rectangle("box", this.box);
    const patch = this.point && rectangle("patch", patchAround(this.point.x, this.point.y, this.patch));
    for (const { marks } of this.panes.values()) {
      marks.replaceChildren(...[box, patch].filter(Boolean).map((mark) => mark.cloneNode()));
    }
  }

  pointAt(x, y, byKey) {
    const inside = (value, size) => Math.max(0, Math.min(size - 1, value));
    this.point = { x: inside(x, this.width), y: inside(y, this.height) };
    this.mark();
    this.told.pointed(this.point.x, this.point.y, byKey);
  }

  listen(window) {
    window.addEventListener("pointerdown", (event) => this.press(window, event));
    window.addEventListener("pointermove", (event) => this.pull(window, event));
    for (const end of ["pointerup", "pointercancel"]) {
      window.addEventListener(end, (event) => this.release(event));
    }
    window.addEventListener("dblclick", (event) => this.zoom(2, ...share(window, event)));
    // A wheel alone scrolls the page, as everywhere; with Ctrl, and by two fingers on a touchpad, it zooms.
    window.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 300), ...share(window, event));
    }, { passive: false });
    window.addEventListener("keydown", (event) => this.key(event));
  }

  press(window, event) {
    if (event.button !== 0) return;
    window.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, share(window, event));
    this.corner = this.drag === "box" && this.pointers.size === 1 ? this.pixel(window, event) : null;
  }

  pull(window, event) {
    const here = share(window, event);
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      this.pointAt(...this.pixel(window, event), false);
      return;
    }
    if (this.pointers.size === 2) this.pinch(event.pointerId, before, here);
    else if (this.corner) this.stretch(this.corner, this.pixel(window, event));
    else this.shift(before[0] - here[0], before[1] - here[1]);
    this.pointers.set(event.pointerId, here);
  }

  release(event) {
    this.pointers.delete(event.pointerId);
    this.corner = null;
  }

  pinch(id, before, here) {
    this.corner = null;
    const [, other] = [...this.pointers].find(([key]) => key !== id);
    const distance = ([x, y]) => Math.hypot(x - other[0], y - other[1]) || 1e-6;
    this.zoom(distance(here) / distance(before), (here[0] + other[0]) / 2, (here[1] + other[1]) / 2);
  }

  stretch([startX, startY], [endX, endY]) {
    const inside = (value, size) => Math.max(0, Math.min(size - 1, value));
    const [x, y] = [inside(Math.min(startX, endX), this.width), inside(Math.min(startY, endY), this.height)];
    const [right, bottom] = [inside(Math.max(startX, endX), this.width), inside(Math.max(startY, endY), this.height)];
    this.setBox({ x, y, width: right - x + 1, height: bottom - y + 1 });
    this.told.boxed(this.box);
  }

  /** The pixel of the picture under a pointer. */
  pixel(window, event) {
    const [x, y] = share(window, event);
    return [
      Math.floor((this.left + x / this.scale) * this.width),
      Math.floor((this.top + y / this.scale) * this.height),
    ];
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in moves) {
      const [right, down] = moves[event.key].map((step) => step * (event.shiftKey ? 10 : 1));
      const { x, y } = this.point ?? { x: Math.floor(this.width / 2), y: Math.floor(this.height / 2) };
      this.pointAt(x + right, y + down, true);
      this.follow();
    } else if (event.key === "+" || event.key === "=") this.zoomAtPoint(1.5);
    else if (event.key === "-") this.zoomAtPoint(1 / 1.5);
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
  }

  zoomAtPoint(factor) {
    if (!this.point) this.zoom(factor);
    else this.zoom(factor, ...this.shareOfPoint());
  }

  shareOfPoint() {
    return [
      ((this.point.x + 0.5) / this.width - this.left) * this.scale,
      ((this.point.y + 0.5) / this.height - this.top) * this.scale,
    ];
  }

  /** Moves the picture so that the pixel that is pointed at can be seen. */
  follow() {
    const [x, y] = this.shareOfPoint();
    const out = (value) => (value < 0.1 ? value - 0.1 : value > 0.9 ? value - 0.9 : 0);
    this.shift(out(x), out(y));
  }
}

function share(window, event) {
  const frame = window.getBoundingClientRect();
  return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
}

function rectangle(name, { x, y, width, height }) {
  return makeSvg("rect", { class: name, x, y, width, height });
}
