// Shapes: a Bag-of-Words classifier looks for polygons.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { close, launch, open } from "./browser.js";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** Does something to the canvas, and waits until the page shows the score of what it is then. */
async function scoreAfter(page, act) {
  await act();
  await page.locator("#shape-map[aria-busy=false]").waitFor();
  const belief = await page.locator("#belief").textContent();
  return Number(/^polygon (\S+)\. /.exec(belief)[1].replace("−", "-"));
}

async function start() {
  const page = await open(browser, "/shapes");
  await page.locator("body.explained").waitFor();
  await page.locator("#shape-map[aria-busy=false]").waitFor();
  return page;
}

test("a polygon that is dragged onto an empty canvas raises the score of polygons", async () => {
  const page = await start();
  const empty = await scoreAfter(page, () => page.locator("#clear").click());
  const stage = await page.locator("#stage").boundingBox();
  const button = await page.locator("#palette button").first().boundingBox();
  const full = await scoreAfter(page, async () => {
    await page.mouse.move(button.x + button.width / 2, button.y + button.height / 2);
    await page.mouse.down();
    await page.mouse.move(stage.x + stage.width / 2, stage.y + stage.height / 2, { steps: 20 });
    await page.mouse.up();
  });
  assert.equal(await page.locator(".figure").count(), 1);
  assert.match(await page.locator(".figure").getAttribute("aria-label"), /^1: triangle at column \d+, row \d+$/);
  assert.ok(full > empty, `${empty}, then ${full}`);
  await close(page);
});

test("shapes are put, moved, turned, sized and removed by keyboard alone", async () => {
  const page = await start();
  await page.locator("#clear").click();
  await page.locator("#palette button").nth(3).focus();
  await page.keyboard.press("Enter");
  const figure = page.locator(".figure");
  await figure.waitFor();
  const path = () => figure.getAttribute("d");
  for (const key of ["ArrowRight", "Shift+ArrowDown", "+", "]"]) {
    const last = await path();
    await page.keyboard.press(key);
    assert.notEqual(await path(), last, key);
  }
  await page.keyboard.press("Delete");
  assert.equal(await figure.count(), 0);
  await close(page);
});

test("a place on the map tells its visual words", async () => {
  const page = await start();
  assert.equal(await page.locator(".figure").count(), 3);
  const map = await page.locator("#shape-map").boundingBox();
  await page.mouse.click(map.x + map.width * 0.28, map.y + map.height * 0.3);
  await page.locator("#words-line", { hasText: "local features cover" }).waitFor();
  assert.ok((await page.locator("#words-table tbody tr").count()) > 0);
  assert.ok((await page.locator("#marks rect.area").count()) > 0);
  await close(page);
});

test("a picture of the demo can be taken", async () => {
  const page = await start();
  const before = await scoreAfter(page, async () => {});
  const score = await scoreAfter(page, () => page.locator("#samples button").first().click());
  assert.notEqual(score, before);
  assert.equal(await page.locator("#stage image").count(), 1);
  await close(page);
});
