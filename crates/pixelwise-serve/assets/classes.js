// A list of classes with their scores as bars, one of which is chosen.

import { make } from "./elements.js";
import { percent, signed } from "./numbers.js";

/** Rows are radio buttons, so that a keyboard and a screen reader find what they know. */
export class ClassList {
  /**
   * @param {HTMLElement} place
   * @param {string} name of the group of radio buttons
   * @param {(of: number) => void} chosen called when a person chooses a class
   */
  constructor(place, name, chosen) {
    this.place = place;
    this.name = name;
    this.rows = new Map();
    place.addEventListener("change", (event) => chosen(Number(event.target.value)));
  }

  /**
   * Shows classes in this order.
   * @param {number[]} order
   * @param {{scores: number[], probabilities: number[]|null, label: (of: number) => string}} of
   * @param {number} selected
   */
  show(order, { scores, probabilities, label }, selected) {
    const limit = Math.max(...order.map((of) => Math.abs(scores[of])), 1e-9);
    const best = scores.indexOf(Math.max(...scores));
    for (const of of order) {
      const row = this.row(of, label(of));
      row.input.checked = of === selected;
      row.label.classList.toggle("best", of === best);
      row.value.textContent = signed(scores[of]);
      row.share.textContent = probabilities ? percent(probabilities[of]) : "";
      row.bar.classList.toggle("negative", scores[of] < 0);
      row.bar.style.inlineSize = `${(50 * Math.abs(scores[of])) / limit}%`;
    }
    const wanted = order.map((of) => this.rows.get(of).label);
    // Rows that stay where they are are left alone: a list that is drawn anew loses the keyboard's place.
    if (wanted.length !== this.place.children.length || wanted.some((row, at) => row !== this.place.children[at])) {
      this.place.replaceChildren(...wanted);
    }
  }

  row(of, text) {
    if (!this.rows.has(of)) this.rows.set(of, this.makeRow(of, text));
    return this.rows.get(of);
  }

  makeRow(of, text) {
    const input = make("input", { type: "radio", name: this.name, value: of });
    const bar = make("span", { class: "bar" });
    const value = make("span", { class: "value" });
    const share = make("span", { class: "share" });
    const label = make(
      "label",
      { class: "class" },
      input,
      make("span", { class: "name", textContent: text, title: text }),
      make("span", { class: "track", "aria-hidden": "true" }, bar),
      value,
      share,
    );
    return { label, input, bar, value, share };
  }
}
