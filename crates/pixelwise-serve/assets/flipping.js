// Flipping what is most relevant, pixel by pixel, as the paper's Figs 18 to 24 do: if the map is right, the score falls fast.

import * as api from "./api.js";
import { Curve } from "./curve.js";
import { byId } from "./elements.js";
import { Newest } from "./live.js";
import { working } from "./notice.js";
import { percent, signed } from "./numbers.js";

const STEPS = 100;

/** Milliseconds that a step is shown. */
const PACE = 50;

export class Flipping {
  /** @param {() => object} question what is flipped: the digit, its network, the way to explain it, and the class */
  constructor(question) {
    this.question = question;
    this.newest = new Newest();
    this.curve = new Curve(byId("curve"));
    this.slider = byId("step");
    this.play = byId("play");
    this.slider.addEventListener("input", () => {
      this.stop();
      this.show(Number(this.slider.value));
    });
    this.play.addEventListener("click", () => (this.timer ? this.stop() : this.start()));
  }

  /** Forgets what was flipped: the digit or the class is another one now. */
  forget(target) {
    this.stop();
    this.newest.abort();
    this.flips = null;
    this.slider.disabled = true;
    byId("flipping").classList.add("unasked");
    byId("flipping-hint").textContent = `Pixels that speak for ${target} are turned to their opposite, the most relevant ` +
      `first. If the map is right, the score of ${target} falls fast.`;
  }

  async start() {
    if (!this.flips && !(await this.ask())) return;
    this.play.textContent = "Pause";
    if (this.step >= this.last) this.show(0);
    this.timer = setInterval(() => {
      this.show(this.step + 1);
      if (this.step >= this.last) this.stop();
    }, PACE);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.play.textContent = "Play";
  }

  async ask() {
    const question = this.question();
    const flips = await working("Flipping", () =>
      this.newest.ask((signal) => api.digitFlips({ ...question, steps: STEPS, each: 1 }, { frame: "flips", signal })));
    if (!flips) return false;
    this.flips = flips;
    this.pixels = api.fromBase64(question.pixels);
    this.last = flips.scores.length - 1;
    this.slider.max = this.last;
    this.slider.disabled = false;
    byId("flipping").classList.remove("unasked");
    this.curve.show(flips.scores, flips.target, 1);
    this.show(0);
    return this.last > 0;
  }

  show(step) {
    const { order, scores, predicted, target } = this.flips;
    this.step = step;
    this.slider.value = step;
    byId("step-value").textContent = `${step} of ${this.last}`;
    this.curve.mark(step);
    this.draw(new Set(order.slice(0, step)));
    byId("flipped-belief").textContent = `Score of ${target}: ${signed(scores[step][target])}. ` +
      `The network believes in ${predicted[step]}, ${percent(softmax(scores[step])[predicted[step]])}.`;
  }

  /** The digit, and what is flipped of it in the colors of a mark. */
  draw(flipped) {
    const picture = new ImageData(28, 28);
    this.pixels.forEach((pixel, at) => {
      const ink = flipped.has(at) ? 255 - pixel : pixel;
      picture.data.set(flipped.has(at) ? [ink, ink * 0.7 + 60, 60, 255] : [ink, ink, ink, 255], 4 * at);
    });
    byId("flipped").getContext("2d").putImageData(picture, 0, 0);
  }
}

function softmax(scores) {
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const sum = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => power / sum);
}
