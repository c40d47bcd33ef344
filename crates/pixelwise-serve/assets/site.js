// What every page has: the choice of colors, and its legend.

import { chooseScale, chosenScale, scaleNames, scaleTitle } from "./colors.js";
import { byId, fillSelect } from "./elements.js";
import { drawScale } from "./heatmap.js";

const colors = byId("colors");
fillSelect(colors, scaleNames.map((name) => [name, scaleTitle(name)]), chosenScale());
colors.addEventListener("change", () => chooseScale(colors.value));

function drawLegends() {
  document.querySelectorAll("canvas.scale").forEach(drawScale);
}

document.addEventListener("colors", drawLegends);
drawLegends();
