// The choice of a way to explain: a rule with its parameter, a composite, or a method.

import { make } from "./elements.js";

const KINDS = [["rule", "Rules"], ["composite", "Composites"], ["method", "Methods"]];
const STEPS = 200;

/** A select of ways, with a slider for the parameter of the one that is chosen. */
export class WayChoice {
  /**
   * @param {HTMLElement} place where it is made
   * @param {string} label what it chooses
   * @param {() => void} changed called after each change
   */
  constructor(place, label, changed) {
    this.ways = new Map();
    this.select = make("select");
    this.slider = make("input", { type: "range", min: 0, max: STEPS, step: 1 });
    this.symbol = make("span");
    this.output = make("output");
    this.about = make("p", { class: "hint" });
    this.parameter = make("label", { class: "field" }, make("span", {}, this.symbol, " = ", this.output), this.slider);
    place.replaceChildren(
      make("label", { class: "field" }, make("span", { textContent: label }), this.select),
      this.parameter,
      this.about,
    );
    this.select.addEventListener("change", () => {
      this.show();
      changed();
    });
    this.slider.addEventListener("input", () => {
      this.showValue();
      changed();
    });
  }

  /**
   * Offers the ways of a model, and begins with one of them; keeps the one that was chosen, where the model has it. A
   * Bag-of-Words classifier is explained in its own way alone, and offers none.
   * @param {string} first `name` or `name=VALUE`
   */
  offer(ways, first) {
    this.ways = new Map(ways.map((way) => [way.name, way]));
    if (ways.length === 0) return;
    const kept = this.ways.has(this.select.value) ? this.select.value : first.split("=")[0];
    this.select.replaceChildren(
      ...KINDS.map(([kind, title]) => this.group(title, ways.filter((way) => way.kind === kind))).filter(Boolean),
    );
    this.select.value = this.ways.has(kept) ? kept : ways[0].name;
    this.show();
  }

  group(title, ways) {
    if (ways.length === 0) return null;
    const group = make("optgroup", { label: title });
    group.append(...ways.map((way) => make("option", { value: way.name, textContent: way.title })));
    return group;
  }

  get way() {
    return this.ways.get(this.select.value);
  }

  /** What the API and the command line call the choice; nothing where there is none. */
  get value() {
    if (this.ways.size === 0) return null;
    return this.way.parameter ? `${this.way.name}=${this.number}` : this.way.name;
  }

  get number() {
    const { from, to, scale, default: first } = this.way.parameter;
    // The slider's steps miss the number that one begins with.
    if (Number(this.slider.value) === this.firstStep()) return first;
    const share = Number(this.slider.value) / STEPS;
    const value = scale === "log" ? from * (to / from) ** share : from + (to - from) * share;
    return scale === "count" ? Math.round(value) : Number(value.toPrecision(3));
  }

  show() {
    const { about, parameter } = this.way;
    this.about.textContent = about;
    this.parameter.hidden = !parameter;
    if (!parameter) return;
    this.symbol.textContent = parameter.symbol;
    this.slider.value = this.firstStep();
    this.showValue();
  }

  /** Where the slider stands for the number that one begins with. */
  firstStep() {
    const { from, to, scale, default: first } = this.way.parameter;
    const share = scale === "log" ? Math.log(first / from) / Math.log(to / from) : (first - from) / (to - from);
    return Math.round(share * STEPS);
  }

  showValue() {
    this.output.textContent = String(this.number);
    this.slider.setAttribute("aria-valuetext", `${this.way.parameter.symbol} ${this.number}`);
  }
}
