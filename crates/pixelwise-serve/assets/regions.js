// How much of a map lies in a part of it.

/** A map, and a part of it in pixels. @typedef {import("./heatmap.js").Relevance} Relevance */

/** The sums of a map's positive and of its negative values, in a box or in all of it. */
export function bothSigns({ width, height, values }, box = { x: 0, y: 0, width, height }) {
  const sums = { positive: 0, negative: 0 };
  const [left, top] = [Math.max(0, box.x), Math.max(0, box.y)];
  const [right, bottom] = [Math.min(width, box.x + box.width), Math.min(height, box.y + box.height)];
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const value = values[y * width + x];
      if (value > 0) sums.positive += value;
      else sums.negative += value;
    }
  }
  return sums;
}

/** A square of pixels around one. `side` is odd. */
export function patchAround(x, y, side) {
  return { x: x - (side - 1) / 2, y: y - (side - 1) / 2, width: side, height: side };
}
