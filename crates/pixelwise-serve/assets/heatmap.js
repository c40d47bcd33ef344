// Heatmaps: relevance as a picture on a canvas.

import { chosenScale, entry, table } from "./colors.js";

/**
 * Relevance of pixels, row by row.
 * @typedef {{width: number, height: number, values: Float32Array|Float64Array}} Relevance
 */

/** The largest absolute value, by which a map is divided before it gets its colors (Eq. 35). */
export function largest(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** Draws relevance, one pixel of the canvas for each of the map. `limit` is the value of the scale's end. */
export function drawHeatmap(canvas, { width, height, values }, limit = largest(values)) {
  const colors = table(chosenScale());
  const picture = new ImageData(width, height);
  values.forEach((value, at) => {
    const color = entry(limit > 0 ? value / limit : 0);
    picture.data.set(colors.subarray(color, color + 3), 4 * at);
    picture.data[4 * at + 3] = 255;
  });
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

/** Draws the color scale from left to right. */
export function drawScale(canvas) {
  const values = Float32Array.from({ length: 255 }, (_, step) => step / 127 - 1);
  drawHeatmap(canvas, { width: 255, height: 1, values }, 1);
}

/**
 * Lines along the pixels' edges where a picture passes a level, as the path of an SVG in units of pixels: they show where
 * the strokes are, and leave a map's colors as they are.
 */
export function outline({ width, height, values }, level) {
  const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && values[y * width + x] > level;
  let path = "";
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x <= width; x++) {
      if (inside(x, y) !== inside(x, y - 1)) path += `M${x} ${y}h1`;
      if (inside(x, y) !== inside(x - 1, y)) path += `M${x} ${y}v1`;
    }
  }
  return path;
}
