// The server's API, as docs/guide/serve-api.md describes it.

/** A name for this page among all that are open: a newer frame of the same name takes an older one's place. */
const PAGE = Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** An answer of the server that is no result, with the sentence that says why. */
class Refusal extends Error {
  constructor({ code, sentence }) {
    super(sentence);
    this.code = code;
    // What a newer request took the place of is no failure.
    if (code === "superseded") this.name = "AbortError";
  }
}

async function ask(path, options = {}) {
  const reply = await fetch(path, options).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is `pixelwise serve` still running?");
  });
  if (reply.ok) return reply.json();
  const body = await reply.json().catch(() => null);
  throw new Refusal(body?.error ?? { code: "unknown", sentence: `The server answers with status ${reply.status}.` });
}

/** Posts JSON; `frame` names what is kept current by such requests, if anything is. */
function post(path, body, { frame, signal } = {}) {
  const headers = { "Content-Type": "application/json" };
  if (frame) headers["Pixelwise-Frame"] = `${PAGE}/${frame}`;
  return ask(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

export const server = () => ask("/api/server");
export const models = () => ask("/api/models");
export const model = (id) => ask(`/api/models/${encodeURIComponent(id)}`);

export const digitSamples = () => ask("/api/digits/samples");
export const digitFrame = (body, options) => post("/api/digits/frame", body, options);
export const digitFlips = (body, options) => post("/api/digits/flips", body, options);

/** Sends a photo. @param {File|Blob} file */
export function sendPhoto(file, name, options = {}) {
  const headers = { "Content-Type": file.type.startsWith("image/") ? file.type : "application/octet-stream" };
  return ask(`/api/photos?name=${encodeURIComponent(name)}`, { method: "POST", headers, body: file, ...options });
}

export const explain = (body, options) => post("/api/maps", body, options);

export const shapes = () => ask("/api/shapes");
export const wordsAt = (frame, x, y) => ask(`/api/shapes/frames/${frame}/words?x=${x}&y=${y}`);

/** Sends the canvas of shapes. @param {Blob} picture */
export function shapesFrame(picture, { signal } = {}) {
  const headers = { "Content-Type": "image/png", "Pixelwise-Frame": `${PAGE}/shapes` };
  return ask("/api/shapes/frame", { method: "POST", headers, body: picture, signal });
}

/** The bytes of an array, as the API takes them. @param {Uint8Array} bytes */
export const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/**
 * Opens a packed array.
 * @returns {{shape: number[], values: Float32Array}}
 */
export function unpack({ shape, data }) {
  return { shape, values: new Float32Array(fromBase64(data).buffer) };
}

/** A packed array of two axes, as what {@link drawHeatmap} draws. */
export function unpackMap(packed) {
  const { shape: [height, width], values } = unpack(packed);
  return { width, height, values };
}
