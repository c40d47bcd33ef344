// What holds for all pages: they can be used by everybody, fit on any screen, and ask nothing of other machines.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { ADDRESS, close, drawSeven, launch, open, picture, SIZES } from "./browser.js";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** How each page looks when there is something to see. */
const PAGES = {
  start: { path: "/", fill: async () => {} },
  digits: {
    path: "/digits",
    fill: async (page) => {
      await drawSeven(page);
      await page.locator("#play").click();
      await page.locator("#flipping:not(.unasked)").waitFor();
    },
  },
  photos: {
    path: "/photos",
    fill: async (page) => {
      await page.locator("body.ready").waitFor();
      await page.locator("#file").setInputFiles("tests/browser/photo.png");
      await page.locator("body.explained").waitFor();
      await page.locator("#second").check();
      await page.locator(".pane.map-second").waitFor();
      await page.locator("#layer").selectOption({ index: 3 });
      await page.locator("#channels button").first().click();
      await page.locator("#conditional figcaption", { hasText: "reached the pixels" }).waitFor();
    },
  },
  shapes: {
    path: "/shapes",
    fill: async (page) => {
      await page.locator("body.explained #shape-map[aria-busy=false]").waitFor();
      await page.locator("#shape-map").press("Enter");
      await page.locator("#words-line", { hasText: /local feature/ }).waitFor();
    },
  },
};

/** What axe-core finds that keeps people out. The Content-Security-Policy lets nothing else in, so axe comes by the debugger. */
async function violations(page) {
  await page.evaluate(await readFile(AXE, "utf8"));
  const { violations: found } = await page.evaluate(() => globalThis.axe.run(document));
  return found
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(", ")}`);
}

for (const [name, { path, fill }] of Object.entries(PAGES)) {
  for (const size of Object.keys(SIZES)) {
    for (const scheme of ["light", "dark"]) {
      test(`${name} on a ${size}, ${scheme}: nobody is kept out, and nothing sticks out`, async () => {
        const page = await open(browser, path, { size, scheme });
        await fill(page);
        await picture(page, `${name}-${size}-${scheme}`);
        assert.deepEqual(await violations(page), []);
        // A phone makes its own window wider for a page that is too wide: what counts is its screen.
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        const excess = width - page.viewportSize().width;
        assert.ok(excess <= 0, `${excess} pixels stick out`);
        await close(page);
      });
    }
  }
}

test("scripts and styles come from the server's own files alone", async () => {
  for (const { path } of Object.values(PAGES)) {
    const reply = await fetch(ADDRESS + path);
    const policy = reply.headers.get("content-security-policy");
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'self'/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.doesNotMatch(await reply.text(), /\sstyle=|\son\w+=|<style|https?:\/\//);
  }
});

test("a choice of colors is kept from page to page", async () => {
  const page = await open(browser, "/digits");
  await page.locator("#colors").selectOption("jet");
  await page.goto(`${ADDRESS}/shapes`);
  assert.equal(await page.locator("#colors").inputValue(), "jet");
  const middle = await page.locator("canvas.scale").evaluate((scale) =>
    [...scale.getContext("2d").getImageData(127, 0, 1, 1).data].slice(0, 3));
  assert.deepEqual(middle, [128, 255, 128]);
  await close(page);
});
