// Shapes on a canvas: what they are, and how they are drawn.

/** Corners of a circle of radius 1, the first at the top. */
function regular(corners) {
  return Array.from({ length: corners }, (_, at) => {
    const angle = (2 * Math.PI * at) / corners - Math.PI / 2;
    return [Math.cos(angle), Math.sin(angle)];
  });
}

/** Kinds of shapes by name; a circle has no corners. */
export const KINDS = {
  triangle: regular(3),
  square: regular(4).map(([x, y]) => [(x - y) * Math.SQRT1_2, (x + y) * Math.SQRT1_2]),
  kite: [[0, -1], [0.75, -0.1], [0.2, 0.95], [-0.8, 0.25]],
  pentagon: regular(5),
  hexagon: regular(6),
  circle: null,
};

/**
 * A shape.
 * @typedef {{kind: string, x: number, y: number, size: number, turn: number, color: string}} Figure
 */

/** A shape's outline as the path of an SVG, or of a Path2D. @param {Figure} figure */
export function pathOf({ kind, x, y, size, turn }) {
  const corners = KINDS[kind];
  if (!corners) return `M${x - size} ${y}a${size} ${size} 0 1 0 ${2 * size} 0a${size} ${size} 0 1 0 ${-2 * size} 0Z`;
  const [cos, sin] = [Math.cos((turn * Math.PI) / 180), Math.sin((turn * Math.PI) / 180)];
  const points = corners.map(([cx, cy]) => `${(x + size * (cx * cos - cy * sin)).toFixed(2)} ${(y + size * (cx * sin + cy * cos)).toFixed(2)}`);
  return `M${points.join("L")}Z`;
}

/** Paints a ground, a picture on it if there is one, and shapes. @param {Figure[]} figures */
export function paint(canvas, { width, height, ground, picture, figures }) {
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height);
  if (picture) context.drawImage(picture, 0, 0, width, height);
  for (const figure of figures) {
    context.fillStyle = figure.color;
    context.fill(new Path2D(pathOf(figure)));
  }
}
