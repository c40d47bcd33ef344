// Color scales: what color stands for which relevance. They are those of the command line, under the same names.

/** Colors at stops between −1 and 1. Straight lines between them, in OKLab where the name of the color space says so. */
const SCALES = {
  "blue-orange": {
    title: "Blue and orange (color-blind safe)",
    oklab: true,
    stops: [[-1, 0.55, -0.0205, -0.1456], [0, 0.98, 0, 0], [1, 0.55, 0.0984, 0.1092]],
  },
  seismic: {
    title: "Blue and red",
    stops: [[-1, 0, 0, 0.3], [-0.5, 0, 0, 1], [0, 1, 1, 1], [0.5, 1, 0, 0], [1, 0.5, 0, 0]],
  },
  "black-fire-red": {
    title: "Ice and fire on black",
    stops: [
      [-1, 1, 1, 1], [-0.5, 0, 1, 1], [-0.25, 0, 0, 1], [0, 0, 0, 0], [0.25, 1, 0, 0], [0.5, 1, 1, 0], [1, 1, 1, 1],
    ],
  },
  jet: {
    title: "Jet, as in the paper",
    stops: [[-1, 0, 0, 0.5], [-0.75, 0, 0, 1], [-0.25, 0, 1, 1], [0.25, 1, 1, 0], [0.75, 1, 0, 0], [1, 0.5, 0, 0]],
  },
};

const KEPT_AS = "pixelwise.colors";

/** Steps of a table from −1 to 1; odd, so that zero has an entry of its own. */
const STEPS = 511;
const tables = new Map();

export const scaleNames = Object.keys(SCALES);
export const scaleTitle = (name) => SCALES[name].title;

/** The scale that was chosen last on this machine, or the one that is safe for color-blind eyes. */
export function chosenScale() {
  const kept = localStorage.getItem(KEPT_AS);
  return kept in SCALES ? kept : scaleNames[0];
}

/** Keeps a choice, and tells whoever draws with colors: `document` gets the event "colors". */
export function chooseScale(name) {
  localStorage.setItem(KEPT_AS, name);
  document.dispatchEvent(new CustomEvent("colors", { detail: name }));
}

/** Three bytes for each step from −1 to 1. */
export function table(name) {
  if (!tables.has(name)) tables.set(name, makeTable(SCALES[name]));
  return tables.get(name);
}

/** Where the color of a value in [−1, 1] begins in a table. What is no number has the color of zero. */
export function entry(value) {
  const inside = Number.isNaN(value) ? 0 : Math.max(-1, Math.min(1, value));
  return 3 * Math.round(((inside + 1) / 2) * (STEPS - 1));
}

/** A color as CSS writes it. */
export function cssColor(name, value) {
  const colors = table(name);
  const at = entry(value);
  return `rgb(${colors[at]}, ${colors[at + 1]}, ${colors[at + 2]})`;
}

function makeTable({ stops, oklab }) {
  const colors = new Uint8ClampedArray(3 * STEPS);
  for (let step = 0; step < STEPS; step++) {
    const color = between(stops, (2 * step) / (STEPS - 1) - 1);
    colors.set((oklab ? fromOklab(color) : color).map((unit) => Math.round(255 * unit)), 3 * step);
  }
  return colors;
}

function between(stops, value) {
  const above = stops.findIndex(([at]) => at > value);
  if (above <= 0) return stops[above < 0 ? stops.length - 1 : 0].slice(1);
  const [low, high] = [stops[above - 1], stops[above]];
  const share = (value - low[0]) / (high[0] - low[0]);
  return low.slice(1).map((start, channel) => start + share * (high[channel + 1] - start));
}

/** From OKLab (Ottosson 2020) to sRGB. */
function fromOklab([lightness, a, b]) {
  const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * middle + 1.707614701 * short,
  ].map(gamma);
}

function gamma(linear) {
  const light = Math.max(0, linear);
  return light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055;
}
