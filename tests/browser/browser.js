// What all tests need: a browser, pages in it that are watched, and pictures of them.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { chromium } from "playwright-core";

/** Where the server listens that most tests are for. */
export const ADDRESS = process.env.PIXELWISE_ADDRESS;

/** How long a condition may take to come true on a slow machine. Nothing waits for as long as it is not needed. */
const PATIENCE = 120_000;

const PICTURES = new URL("../../target/browser/", import.meta.url).pathname;

export const SIZES = {
  desktop: { viewport: { width: 1440, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
};

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM,
    // Containers give root no sandbox, and little shared memory.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

/** Starts one more server, of another model or of none, and does something with its address. */
export async function serving(model, act) {
  const server = spawn(process.env.PIXELWISE, ["serve", ...model, "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(server, "exit");
  try {
    const [said] = await Promise.race([once(server.stdout, "data"), ended.then(() => assert.fail("the server ended"))]);
    await act(String(said).trim().replace(/\/$/, ""));
  } finally {
    server.kill("SIGINT");
    await ended;
  }
}

/**
 * Opens a page, and watches it: `page.faults()` are the errors that it made, and what it asked of other machines.
 */
export async function open(browser, path, { size = "desktop", scheme = "light", address = ADDRESS, ...options } = {}) {
  const context = await browser.newContext({ ...SIZES[size], colorScheme: scheme, reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && faults.push(`console: ${message.text()}`));
  page.on("request", (request) => {
    const here = [address, "blob:", "data:"].some((start) => request.url().startsWith(start));
    if (!here) faults.push(`request to elsewhere: ${request.url()}`);
  });
  page.faults = () => faults;
  await page.goto(address + path);
  return page;
}

/** Ends a page; it must have made no errors, and asked nothing of other machines. */
export async function close(page) {
  assert.deepEqual(page.faults(), []);
  await page.context().close();
}

/** Keeps a picture of a page for human eyes. */
export async function picture(page, name) {
  await mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: `${PICTURES}${name}.png`, fullPage: true });
}

/** Moves the mouse along points in shares of an element, with the button down. */
export async function drag(page, selector, points) {
  await page.locator(selector).scrollIntoViewIfNeeded();
  const frame = await page.locator(selector).boundingBox();
  const place = ([x, y]) => [frame.x + x * frame.width, frame.y + y * frame.height];
  await page.mouse.move(...place(points[0]));
  await page.mouse.down();
  for (const point of points.slice(1)) await page.mouse.move(...place(point), { steps: 12 });
  await page.mouse.up();
}

/** A seven, as one writes it. */
export const SEVEN = [[0.27, 0.25], [0.72, 0.25], [0.45, 0.8]];

/** Draws it with the mouse. */
export async function drawSeven(page) {
  await drag(page, "#pad", SEVEN);
  await believes(page, 7);
}

/** Waits until the network believes in a digit, and has seen all that was drawn. */
export async function believes(page, digit) {
  await page.locator("#classes .best .name", { hasText: String(digit) }).waitFor();
  await page.locator("#maps[aria-busy=false]").waitFor();
}
