// Digits: one draws, and sees what the network believes.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ADDRESS, believes, close, drag, drawSeven, launch, open, SEVEN } from "./browser.js";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** How far a map's colors are from that of zero, on average: where there is ink, and where there is none. */
function lit(page, digit) {
  return page.evaluate((of) => {
    const map = document.querySelectorAll("#maps canvas")[of].getContext("2d").getImageData(0, 0, 28, 28).data;
    const pad = document.querySelector("#pad");
    const small = Object.assign(document.createElement("canvas"), { width: 28, height: 28 });
    small.getContext("2d").drawImage(pad, 0, 0, 28, 28);
    const ink = small.getContext("2d").getImageData(0, 0, 28, 28).data;
    const scale = document.querySelector("canvas.scale").getContext("2d").getImageData(127, 0, 1, 1).data;
    const sums = { ink: 0, paper: 0 };
    const counts = { ink: 0, paper: 0 };
    for (let at = 0; at < map.length; at += 4) {
      const where = ink[at] > 127 ? "ink" : "paper";
      sums[where] += Math.hypot(...[0, 1, 2].map((channel) => map[at + channel] - scale[channel]));
      counts[where] += 1;
    }
    return { ink: sums.ink / counts.ink, paper: sums.paper / counts.paper };
  }, digit);
}

test("a seven that is drawn with the mouse is a seven, and its strokes are why", async () => {
  const page = await open(browser, "/digits");
  await drawSeven(page);
  assert.equal(await page.locator("#classes input:checked").inputValue(), "7");
  await page.locator("#large-title", { hasText: "Why is it a 7?" }).waitFor();
  const { ink, paper } = await lit(page, 7);
  assert.ok(ink > 3 * paper, `the map differs from zero by ${ink} on the strokes, by ${paper} beside them`);
  await close(page);
});

test("who draws before the networks are known is answered when they are", async () => {
  const page = await open(browser, "/digits");
  let release;
  const drawn = new Promise((resolve) => (release = resolve));
  await page.route(`${ADDRESS}/api/models`, async (route) => {
    await drawn;
    await route.continue();
  });
  await page.reload();
  await drag(page, "#pad", SEVEN);
  release();
  await believes(page, 7);
  await close(page);
});

test("the pad is drawn on by keyboard alone, and strokes are taken back", async () => {
  const page = await open(browser, "/digits");
  const strokes = () => page.evaluate(() =>
    document.querySelector("#pad").getContext("2d").getImageData(0, 0, 280, 280).data.filter((_, at) => at % 4 === 0)
      .reduce((sum, ink) => sum + ink, 0));
  await page.locator("#pad").focus();
  for (let step = 0; step < 2; step++) await page.keyboard.press("Shift+ArrowUp");
  await page.keyboard.press("Space");
  for (let step = 0; step < 17; step++) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await believes(page, 1);
  const drawn = await strokes();
  assert.ok(drawn > 0);
  await page.keyboard.press("Backspace");
  assert.equal(await strokes(), 0);
  await page.keyboard.press("Control+y");
  assert.equal(await strokes(), drawn);
  await page.keyboard.press("Delete");
  assert.equal(await strokes(), 0);
  await close(page);
});

test("a finger draws", async () => {
  const page = await open(browser, "/digits", { size: "phone" });
  const frame = await page.locator("#pad").boundingBox();
  const session = await page.context().newCDPSession(page);
  const touch = (type, point) => session.send("Input.dispatchTouchEvent", {
    type,
    touchPoints: point ? [{ x: frame.x + point[0] * frame.width, y: frame.y + point[1] * frame.height }] : [],
  });
  const path = SEVEN.flatMap((point, at) => {
    const next = SEVEN[at + 1] ?? point;
    return Array.from({ length: 10 }, (_, step) => point.map((value, axis) => value + ((next[axis] - value) * step) / 10));
  });
  await touch("touchStart", path[0]);
  for (const point of path.slice(1)) await touch("touchMove", point);
  await touch("touchEnd");
  await believes(page, 7);
  await close(page);
});

test("another class can be asked for, and what would make it an eight", async () => {
  const page = await open(browser, "/digits");
  await drawSeven(page);
  await page.locator("#maps button").nth(3).click();
  await page.locator("#large-title", { hasText: "Why a 3?" }).waitFor();
  await page.locator("#maps button").nth(7).click();
  await page.locator("#large-title", { hasText: "Why is it a 7?" }).waitFor();
  await page.locator("#rival").selectOption("8");
  await page.locator("#large-title", { hasText: "What would make it an 8?" }).waitFor();
  const sum = await page.locator("#large-sum").textContent();
  assert.match(sum, /^Score of 8 minus score of 7: −/);
  await close(page);
});

test("every way to explain that is offered gives maps, and parameters move them", async () => {
  const page = await open(browser, "/digits");
  await drawSeven(page);
  const names = await page.locator("#way option").evaluateAll((options) => options.map(({ value }) => value));
  assert.ok(names.length >= 5, names.join(", "));
  for (const name of names) {
    const answered = page.waitForResponse((response) =>
      response.url().endsWith("/frame") && response.request().postDataJSON().by.split("=")[0] === name);
    // What is chosen already is chosen by way of another one.
    if ((await page.locator("#way select").inputValue()) === name) {
      await page.locator("#way select").selectOption(names.find((other) => other !== name));
    }
    await page.locator("#way select").selectOption(name);
    const response = await answered;
    assert.equal(response.status(), 200, `${name}: ${await response.text()}`);
  }
  const before = await page.locator("#maps .sum").allTextContents();
  await page.locator("#way select").selectOption("epsilon");
  await page.locator("#way input[type=range]").focus();
  await page.keyboard.press("End");
  await page.waitForFunction(
    (last) => [...document.querySelectorAll("#maps .sum")].some((sum, at) => sum.textContent !== last[at]),
    before,
  );
  await close(page);
});

test("the score falls when the most relevant pixels are flipped", async () => {
  const page = await open(browser, "/digits");
  await drawSeven(page);
  const answered = page.waitForResponse((response) => response.url().endsWith("/flips"));
  await page.locator("#play").click();
  const { scores, target } = await (await answered).json();
  assert.equal(target, 7);
  assert.ok(scores.at(-1)[7] < scores[0][7], `from ${scores[0][7]} to ${scores.at(-1)[7]}`);
  await page.locator("#step").focus();
  await page.keyboard.press("End");
  await page.locator("#step-value", { hasText: `${scores.length - 1} of ${scores.length - 1}` }).waitFor();
  assert.match(await page.locator("#curve").getAttribute("aria-label"), /^Score of 7: from \+/);
  await close(page);
});

test("a refusal of the server is a sentence on the page, and goes when things work again", async () => {
  const page = await open(browser, "/digits");
  await page.locator("#classes .best").waitFor();
  await page.locator("#maps[aria-busy=false]").waitFor();
  await page.route(`${ADDRESS}/api/digits/frame`, (route) => route.fulfill({
    status: 422,
    json: { error: { code: "model", sentence: "This network is not understood." } },
  }), { times: 1 });
  await page.locator("#clear").click();
  await page.locator("#errors", { hasText: "This network is not understood." }).waitFor();
  await page.locator("#clear").click();
  await page.locator("#errors").waitFor({ state: "hidden" });
  // The refusal itself is what the console tells of.
  assert.ok(page.faults().every((fault) => fault.includes("422")), page.faults().join("\n"));
  await page.context().close();
});
