// Keeping something current while what it depends on changes.

/**
 * Asks again after each change, one question at a time: while one is being answered, only the newest change waits. A page
 * that is drawn on sees as many frames as the server can make, and none of them late.
 */
export class Live {
  /**
   * @param {HTMLElement} place what is kept current; it is busy while an answer is awaited
   * @param {() => Promise<void>} refresh asks with what is true when it is called
   */
  constructor(place, refresh) {
    this.place = place;
    this.refresh = refresh;
    this.running = false;
    this.stale = false;
  }

  async changed() {
    this.stale = true;
    if (this.running) return;
    this.running = true;
    this.place.setAttribute("aria-busy", "true");
    try {
      while (this.stale) {
        this.stale = false;
        await this.refresh();
      }
    } finally {
      this.running = false;
      this.place.setAttribute("aria-busy", "false");
    }
  }
}

/** Lets only the newest of several questions be answered: a newer one aborts the older. For answers that take long. */
export class Newest {
  /** @template T @param {(signal: AbortSignal) => Promise<T>} question @returns {Promise<T>} */
  ask(question) {
    this.abort();
    this.controller = new AbortController();
    return question(this.controller.signal);
  }

  abort() {
    this.controller?.abort();
  }
}
