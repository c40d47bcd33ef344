// Relevance at a layer: summed over its channels, of the strongest ones, and what comes down to the pixels through one.

import * as api from "./api.js";
import { byId, caption, fillSelect, make } from "./elements.js";
import { drawHeatmap } from "./heatmap.js";
import { Newest } from "./live.js";
import { working } from "./notice.js";
import { signed } from "./numbers.js";

const STRONGEST = 8;

export class Layers {
  /**
   * @param {() => object} question what is explained
   * @param {() => void} changed called when another layer is chosen
   */
  constructor(question, changed) {
    this.question = question;
    this.select = byId("layer");
    this.newest = new Newest();
    this.select.addEventListener("change", changed);
    document.addEventListener("colors", () => this.drawConditional());
  }

  /** Offers the layers of a network. Models without layers have no such part of the page. */
  offer(layers) {
    byId("layer-section").hidden = layers.length === 0;
    fillSelect(this.select, [
      ["", "no layer: choose one"],
      ...layers.map(({ tensor, node, kind, shape }) => [tensor, `${node || tensor} · ${kind} · ${shape.join(" × ")}`]),
    ]);
  }

  /** What a request for a map asks in addition. */
  wish() {
    return this.select.value ? { at: { tensor: this.select.value, strongest: STRONGEST } } : {};
  }

  /** Shows what a map's answer says of the layer. */
  show(at) {
    this.forgetConditional();
    byId("layer-answer").hidden = !at;
    if (!at) return;
    this.at = at;
    const canvas = byId("layer-map");
    canvas.hidden = !at.map;
    if (at.map) drawHeatmap(canvas, api.unpackMap(at.map));
    byId("layer-line").textContent = `${at.shape.join(" × ")} numbers, ${signed(at.sum)} in all` +
      (at.map ? ", summed over channels at each place." : "; they have no places.");
    const limit = Math.max(...at.strongest.map(({ map }) => (map ? Math.max(...api.unpack(map).values.map(Math.abs)) : 0)));
    byId("channels").replaceChildren(...at.strongest.map((channel) => this.channel(channel, limit)));
  }

  channel({ channel, relevance, map }, limit) {
    const parts = [];
    if (map) {
      const canvas = make("canvas");
      drawHeatmap(canvas, api.unpackMap(map), limit);
      parts.push(make("span", { class: "map" }, canvas));
    }
    parts.push(caption("Channel", channel, make("span", { class: "sum", textContent: signed(relevance) })));
    const button = make("button", { type: "button", class: "cell", "aria-pressed": "false" }, ...parts);
    button.addEventListener("click", () => this.through(channel, button));
    return button;
  }

  /** Explains once more, with relevance that passes through one channel alone. */
  async through(channel, button) {
    const { tensor } = this.at;
    const body = { ...this.question(), masks: [{ tensor, channels: [channel] }] };
    const answer = await working(`Explaining channel ${channel}`, () =>
      this.newest.ask((signal) => api.explain(body, { frame: "conditional", signal })));
    if (!answer) return;
    for (const other of byId("channels").children) other.setAttribute("aria-pressed", String(other === button));
    this.conditional = answer;
    byId("conditional").hidden = false;
    byId("conditional").querySelector("figcaption").textContent =
      `Through channel ${channel} of ${tensor}: ${signed(answer.sum)} reached the pixels.`;
    this.drawConditional();
  }

  drawConditional() {
    if (!this.conditional) return;
    const { map, largest } = this.conditional;
    drawHeatmap(byId("conditional").querySelector("canvas"), api.unpackMap(map), largest);
  }

  forgetConditional() {
    this.newest.abort();
    this.conditional = null;
    byId("conditional").hidden = true;
  }
}
