// Photos: why this class, and not that one?

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { close, drag, launch, open, serving } from "./browser.js";

const PHOTO = resolve("tests/browser/photo.png");
const run = promisify(execFile);

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** Opens the page with the photo, and waits for its map. */
async function withPhoto(options) {
  const page = await open(browser, "/photos", options);
  await page.locator("body.ready").waitFor();
  await page.locator("#file").setInputFiles(PHOTO);
  await page.locator("body.explained").waitFor();
  return page;
}

/** The next answer to a request for a map. */
function nextMap(page) {
  return page.waitForResponse((response) => response.url().endsWith("/api/maps") && response.ok());
}

/** Does something, and waits until its map is on the page. */
async function explained(page, act) {
  const answer = nextMap(page);
  await act();
  const { command } = await (await answer).json();
  await page.locator("#command", { hasText: command }).waitFor();
}

async function download(page, kind) {
  const begun = page.waitForEvent("download");
  await page.locator(`#file-${kind}`).click();
  const saved = await begun;
  return { name: saved.suggestedFilename(), bytes: await readFile(await saved.path()) };
}

/** Runs the command line that the page shows, in a folder with the photo and the network, and gives its relevance. */
async function relevanceOf(command) {
  const folder = await mkdtemp(join(tmpdir(), "pixelwise-"));
  try {
    await copyFile(PHOTO, join(folder, basename(PHOTO)));
    await symlink(resolve(process.env.PIXELWISE), join(folder, "pixelwise"));
    const path = `${folder}:${process.env.PATH}`;
    const network = process.env.PIXELWISE_NETWORK;
    const here = command.replaceAll(network, resolve(network));
    await run("sh", ["-c", `${here} --output out`], { cwd: folder, env: { ...process.env, PATH: path } });
    const files = (await readdir(join(folder, "out"))).filter((name) => name.endsWith(".npy"));
    assert.equal(files.length, 1, files.join(", "));
    return await readFile(join(folder, "out", files[0]));
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("what is downloaded is what the shown command line writes, byte by byte", async () => {
  const page = await withPhoto();
  for (const act of [
    () => page.locator("#classes input").nth(1).check({ force: true }),
    () => page.locator("#against").selectOption("others"),
    () => page.locator("#way select").selectOption("epsilon"),
  ]) {
    await explained(page, act);
    const { bytes, name } = await download(page, "npy");
    assert.match(name, /\.npy$/);
    const expected = await relevanceOf(await page.locator("#command").textContent());
    assert.ok(bytes.equals(expected), `${bytes.length} bytes were downloaded, ${expected.length} expected`);
  }
  await close(page);
});

test("pictures and the record can be downloaded", async () => {
  const page = await withPhoto();
  for (const kind of ["heatmap", "overlay"]) {
    const { bytes } = await download(page, kind);
    assert.equal(bytes.subarray(1, 4).toString("latin1"), "PNG");
  }
  const { bytes } = await download(page, "record");
  assert.equal(typeof JSON.parse(bytes), "object");
  await close(page);
});

test("another class, found by search, is explained", async () => {
  const page = await withPhoto();
  const [, title] = [await page.locator("#map-title").textContent(), "Why class 4?"];
  await page.locator("#search").fill("4");
  await page.locator("#classes label").first().waitFor();
  await explained(page, () => page.locator("#classes input[value='4']").check({ force: true }));
  await page.locator("#map-title", { hasText: title }).waitFor();
  await page.locator("#search").fill("no such class");
  await page.locator("#classes-line", { hasText: "No class has such a name." }).waitFor();
  await close(page);
});

test("a box that is drawn says how much of the relevance is in it, and so does one that is typed", async () => {
  const page = await withPhoto();
  await drag(page, ".pane.original .window", [[0.25, 0.25], [0.7, 0.8]]);
  const share = page.locator("#box-share");
  await share.filter({ hasText: /In the box, \d.*of all positive relevance/ }).waitFor();
  const drawn = await share.textContent();
  const fields = ["x", "y", "width", "height"].map((side) => page.locator(`#box-${side}`));
  const values = await Promise.all(fields.map((field) => field.inputValue()));
  assert.ok(values.every((value) => Number(value) > 0), values.join(", "));
  assert.equal(await page.locator(".marks rect.box").count(), await page.locator(".pane").count());
  await page.locator("#box-clear").click();
  await share.filter({ hasText: "Draw a box" }).waitFor();
  for (const [at, field] of fields.entries()) await field.fill(values[at]);
  assert.equal(await share.textContent(), drawn);
  // All of the picture has all of the relevance.
  for (const [field, value] of fields.map((field, at) => [field, at < 2 ? "0" : "10000"])) await field.fill(value);
  await share.filter({ hasText: "100 % of the area: 100 % of all positive" }).waitFor();
  await close(page);
});

test("panes are zoomed and moved in step, and a pixel is read by mouse and by keyboard", async () => {
  const page = await withPhoto();
  const transforms = () => page.locator(".sheet").evaluateAll((sheets) => sheets.map(({ style }) => style.transform));
  await page.locator("#zoom-in").click();
  const zoomed = await transforms();
  assert.ok(zoomed.length === 3 && zoomed.every((transform) => transform === zoomed[0]), zoomed.join("; "));
  assert.match(zoomed[0], /scale\(1\.5\)/);
  await page.locator("input[name=drag][value=move]").check();
  await drag(page, ".pane.map-first .window", [[0.5, 0.5], [0.7, 0.6]]);
  const moved = await transforms();
  assert.ok(moved.every((transform) => transform === moved[0]) && moved[0] !== zoomed[0], moved.join("; "));
  await page.locator("#zoom-fit").click();
  await page.locator(".pane.original .window").hover();
  await page.locator("#point", { hasText: /Column \d+, row \d+\. pixel [+−].*its patch of/ }).waitFor();
  const pointed = await page.locator("#point").textContent();
  await page.locator(".pane.map-first .window").focus();
  await page.keyboard.press("ArrowRight");
  assert.notEqual(await page.locator("#point").textContent(), pointed);
  await close(page);
});

test("two ways stand side by side", async () => {
  const page = await withPhoto();
  const answer = nextMap(page);
  await page.locator("#second").check();
  await answer;
  await page.locator(".pane.map-second").waitFor();
  const captions = await page.locator(".pane figcaption").allTextContents();
  assert.equal(captions.length, 5);
  assert.notEqual(captions[1], captions[3]);
  await page.locator("#second").uncheck();
  await page.locator(".pane.map-second").waitFor({ state: "detached" });
  await close(page);
});

test("the ledger flows from the score to the pixels, with numbers", async () => {
  const page = await withPhoto();
  const label = await page.locator("#flow svg").getAttribute("aria-label");
  assert.match(label, /^Of the score [+−][\d.e−-]+, [+−][\d.e−-]+ reached the pixels\./);
  await page.locator("summary", { hasText: "All numbers" }).click();
  assert.ok((await page.locator("#ledger-table tbody tr").count()) > 3);
  await close(page);
});

test("relevance at a layer has channels, and a channel a map of its own", async () => {
  const page = await withPhoto();
  const options = await page.locator("#layer option").evaluateAll((all) => all.map(({ value }) => value));
  const answer = nextMap(page);
  await page.locator("#layer").selectOption(options[Math.ceil(options.length / 2)]);
  await answer;
  await page.locator("#channels button").first().waitFor();
  await page.locator("#channels button").first().click();
  await page.locator("#conditional figcaption", { hasText: "reached the pixels" }).waitFor();
  assert.equal(await page.locator("#channels button[aria-pressed=true]").count(), 1);
  await close(page);
});

test("a photo is dropped, and a photo is pasted", async () => {
  const bytes = [...(await readFile(PHOTO))];
  for (const kind of ["drop", "paste"]) {
    const page = await open(browser, "/photos");
    await page.locator("body.ready").waitFor();
    await page.evaluate(([event, data]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(data)], `${event}.png`, { type: "image/png" }));
      const made = event === "drop"
        ? new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true })
        : new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true });
      document.body.dispatchEvent(made);
    }, [kind, bytes]);
    await page.locator("body.explained").waitFor();
    await page.locator("#photo-line", { hasText: `${kind}.png` }).waitFor();
    await close(page);
  }
});

test("a file that is no picture is refused by a sentence", async () => {
  const page = await open(browser, "/photos");
  await page.locator("body.ready").waitFor();
  await page.locator("#file").setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no picture") });
  await page.locator("#errors p").waitFor();
  assert.ok((await page.locator("#errors p").textContent()).length > 20);
  await page.context().close();
});

test("a Bag-of-Words classifier is explained on the same page, in its one way", async () => {
  const folder = resolve("tests/cases/model-damage-unseen");
  await serving([join(folder, "tiles-1.model")], async (address) => {
    const page = await open(browser, "/photos", { address });
    await page.locator("body.ready").waitFor();
    await page.locator("#file").setInputFiles(join(folder, "picture.png"));
    await page.locator("body.explained").waitFor();
    assert.equal(await page.locator("#how").isVisible(), false);
    assert.equal(await page.locator("#layer-section").isVisible(), false);
    assert.match(await page.locator("#flow svg").getAttribute("aria-label"), /^Of the score/);
    const { bytes } = await download(page, "npy");
    assert.equal(bytes.subarray(1, 6).toString("latin1"), "NUMPY");
    await close(page);
  });
});

test("without a model the page says how to start the server with one", async () => {
  await serving([], async (address) => {
    const page = await open(browser, "/photos", { address });
    await page.locator("#no-model", { hasText: "pixelwise serve model.onnx" }).waitFor();
    assert.equal(await page.locator("#choose").isVisible(), false);
    await close(page);
  });
});
