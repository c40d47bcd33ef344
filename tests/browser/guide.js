// Makes the pictures of docs/guide/see-it.md: with a server of EfficientNet-Lite0, in this folder,
//
//     CHROMIUM=$(command -v chromium) PIXELWISE_ADDRESS=http://127.0.0.1:8686 node guide.js chelsea.png ../../docs/pictures

import { drag, drawSeven, launch, open } from "./browser.js";

const [photo, folder] = process.argv.slice(2);
const browser = await launch();

/** A part of a page as a picture; `name` says of which kind. */
async function keep(page, name, height) {
  const type = name.endsWith(".jpg") ? { type: "jpeg", quality: 88 } : { type: "png" };
  await page.mouse.move(0, 0);
  await page.evaluate(() => (document.activeElement.blur(), scrollTo(0, 0)));
  await page.screenshot({ path: `${folder}/serve-${name}`, clip: { x: 0, y: 0, width: 1240, height }, ...type, fullPage: true });
  await page.context().close();
}

const digits = await open(browser, "/digits", { viewport: { width: 1240, height: 900 } });
await drawSeven(digits);
await keep(digits, "digits.png", 830);

const photos = await open(browser, "/photos", { viewport: { width: 1240, height: 900 } });
await photos.locator("body.ready").waitFor();
await photos.locator("#file").setInputFiles(photo);
await photos.locator("body.explained").waitFor();
await photos.locator("#second").check();
await photos.locator("#second-way select").selectOption("epsilon-gamma-box");
await photos.locator(".pane.map-second figcaption", { hasText: "epsilon-gamma-box" }).waitFor();
await photos.locator("#strength").fill("16");
await photos.locator("#against").selectOption({ label: "Egyptian_cat" });
await photos.locator("#map-title", { hasText: "and not Egyptian_cat" }).waitFor();
await drag(photos, ".pane.original .window", [[0.2, 0.1], [0.8, 0.75]]);
await keep(photos, "photos.jpg", 1010);

const shapes = await open(browser, "/shapes", { viewport: { width: 1240, height: 900 } });
await shapes.locator("body.explained #shape-map[aria-busy=false]").waitFor();
const map = await shapes.locator("#shape-map").boundingBox();
await shapes.mouse.click(map.x + map.width * 0.28, map.y + map.height * 0.3);
await shapes.locator("#words-table tbody tr").first().waitFor();
await keep(shapes, "shapes.png", 900);

await browser.close();
