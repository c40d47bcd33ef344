// A pad to draw on: by mouse, touch, pen or keyboard.

import { announce } from "./notice.js";

/** The picture that the networks see has so many pixels on a side. */
export const SIDE = 28;

/** Dots of the canvas for each of those pixels. */
const FINE = 10;
const STROKE = 2.4;

/**
 * Strokes on a canvas, white on black, as lists of points in units of the networks' pixels.
 */
export class Pad {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} cursor what shows the place of the keyboard's pen
   * @param {() => void} changed called after each change of the picture
   */
  constructor(canvas, cursor, changed) {
    Object.assign(canvas, { width: SIDE * FINE, height: SIDE * FINE });
    this.canvas = canvas;
    this.cursor = cursor;
    this.changed = changed;
    this.strokes = [];
    this.undone = [];
    /** A picture of a digit under the strokes, if one was taken. */
    this.ground = null;
    this.pen = { x: SIDE / 2, y: SIDE / 2, down: false };
    this.listen();
    this.draw();
  }

  get empty() {
    return this.strokes.length === 0 && !this.ground;
  }

  /** Takes a digit that somebody else has written; one can draw on it. @param {Uint8Array} pixels */
  take(pixels) {
    this.lift();
    this.strokes = [];
    this.undone = [];
    this.ground = pixels;
    this.update();
  }

  /** Takes back the last stroke. */
  undo() {
    this.lift();
    if (this.strokes.length > 0) this.undone.push(this.strokes.pop());
    else this.ground = null;
    this.update();
  }

  redo() {
    if (this.undone.length === 0) return;
    this.strokes.push(this.undone.pop());
    this.update();
  }

  clear() {
    this.lift();
    this.strokes = [];
    this.undone = [];
    this.ground = null;
    this.update();
  }

  /** Moves the drawing so that its center of mass is the center, as that of every digit of MNIST is. */
  center() {
    const pixels = this.pixels();
    let [mass, x, y] = [0, 0, 0];
    pixels.forEach((value, at) => {
      mass += value;
      x += value * ((at % SIDE) + 0.5);
      y += value * (Math.floor(at / SIDE) + 0.5);
    });
    if (mass === 0) return;
    const [right, down] = [Math.round(SIDE / 2 - x / mass), Math.round(SIDE / 2 - y / mass)];
    this.strokes = this.strokes.map((stroke) => stroke.map(([px, py]) => [px + right, py + down]));
    this.ground = this.ground && moved(this.ground, right, down);
    this.update();
  }

  /** Brightness of the networks' pixels, row by row, from 0 to 255. */
  pixels() {
    const fine = this.canvas.getContext("2d").getImageData(0, 0, SIDE * FINE, SIDE * FINE).data;
    const sums = new Float64Array(SIDE * SIDE);
    for (let y = 0; y < SIDE * FINE; y++) {
      for (let x = 0; x < SIDE * FINE; x++) {
        sums[Math.floor(y / FINE) * SIDE + Math.floor(x / FINE)] += fine[4 * (y * SIDE * FINE + x)];
      }
    }
    return Uint8Array.from(sums, (sum) => Math.round(sum / (FINE * FINE)));
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      this.lift();
      this.begin(this.place(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!canvas.hasPointerCapture(event.pointerId)) return;
      // Between two frames a pen passes many places.
      const passed = event.getCoalescedEvents?.() ?? [];
      for (const point of passed.length > 0 ? passed : [event]) this.strokes.at(-1)?.push(this.place(point));
      this.update();
    });
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => this.lift());
  }

  begin(point) {
    this.undone = [];
    this.strokes.push([point]);
    this.update();
  }

  place(event) {
    const frame = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - frame.left) / frame.width) * SIDE,
      ((event.clientY - frame.top) / frame.height) * SIDE,
    ];
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const command = event.ctrlKey || event.metaKey;
    if (event.key in moves && !command) this.movePen(...moves[event.key].map((step) => step * (event.shiftKey ? 4 : 1)));
    else if (event.key === " ") this.togglePen();
    else if (event.key === "Backspace" || (command && event.key === "z")) this.undo();
    else if (command && (event.key === "y" || event.key === "Z")) this.redo();
    else if (event.key === "Delete") this.clear();
    else if (event.key === "Escape") this.lift();
    else return;
    event.preventDefault();
  }

  movePen(right, down) {
    const inside = (value) => Math.max(1, Math.min(SIDE - 1, value));
    this.pen.x = inside(this.pen.x + right);
    this.pen.y = inside(this.pen.y + down);
    if (this.pen.down) {
      this.strokes.at(-1).push([this.pen.x, this.pen.y]);
      this.update();
    }
    this.showPen();
  }

  togglePen() {
    this.pen.down = !this.pen.down;
    if (this.pen.down) this.begin([this.pen.x, this.pen.y]);
    announce(`Pen ${this.pen.down ? "down" : "up"} at column ${this.pen.x}, row ${this.pen.y}.`);
    this.showPen();
  }

  lift() {
    this.pen.down = false;
    this.showPen();
  }

  showPen() {
    this.cursor.style.left = `${(100 * this.pen.x) / SIDE}%`;
    this.cursor.style.top = `${(100 * this.pen.y) / SIDE}%`;
    this.cursor.classList.toggle("down", this.pen.down);
  }

  update() {
    this.draw();
    this.changed();
  }

  draw() {
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "black";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    context.setTransform(FINE, 0, 0, FINE, 0, 0);
    this.ground?.forEach((ink, at) => {
      context.fillStyle = `rgb(${ink}, ${ink}, ${ink})`;
      if (ink > 0) context.fillRect(at % SIDE, Math.floor(at / SIDE), 1, 1);
    });
    Object.assign(context, { strokeStyle: "white", lineWidth: STROKE, lineCap: "round", lineJoin: "round" });
    for (const stroke of this.strokes) {
      context.beginPath();
      context.moveTo(...stroke[0]);
      // A stroke of one point is a dot.
      for (const point of stroke.length > 1 ? stroke.slice(1) : stroke) context.lineTo(...point);
      context.stroke();
    }
  }
}

/** A picture moved by whole pixels, with paper where it left. */
function moved(pixels, right, down) {
  return pixels.map((_, at) => {
    const [x, y] = [(at % SIDE) - right, Math.floor(at / SIDE) - down];
    return x >= 0 && y >= 0 && x < SIDE && y < SIDE ? pixels[y * SIDE + x] : 0;
  });
}
