// What a page says: progress, and sentences about what went wrong.

import { byId, make } from "./elements.js";

/** Work of less than this many milliseconds is not announced: a note that flashes disturbs more than it says. */
const PATIENCE = 400;

/** Says a sentence about what went wrong, until it is closed or something works again. */
export function showError(error) {
  const place = byId("errors");
  const close = make("button", { type: "button", class: "quiet", textContent: "Close" });
  close.addEventListener("click", clearError);
  place.replaceChildren(make("p", { textContent: error.message }), close);
  place.hidden = false;
}

export function clearError() {
  byId("errors").hidden = true;
  byId("errors").replaceChildren();
}

/** Says something once to screen readers, and to nobody else. */
export function announce(sentence) {
  byId("announcements").textContent = sentence;
}

/**
 * Shows that something is being worked on while `work` runs, and what became of it if it fails.
 * @template T
 * @param {string} what what is done, such as "Explaining"
 * @param {() => Promise<T>} work
 * @returns {Promise<T|undefined>} nothing if it failed or was overtaken by newer work
 */
export async function working(what, work) {
  const bar = byId("progress");
  const timer = setTimeout(() => {
    bar.querySelector("span").textContent = `${what} …`;
    bar.hidden = false;
  }, PATIENCE);
  running += 1;
  try {
    const result = await work();
    clearError();
    return result;
  } catch (error) {
    if (error.name !== "AbortError") showError(error);
    return undefined;
  } finally {
    clearTimeout(timer);
    running -= 1;
    if (running === 0) bar.hidden = true;
  }
}

let running = 0;
