// Keeping something current while what it depends on changes.

/** After so many milliseconds an answer is not waited for any more if there is something newer to ask. */
const PATIENCE = 500;

/**
 * Asks again after each change, one question at a time: while one is being answered, only the newest change waits. A page
 * that is drawn on sees as many frames as the server can make, and none of them late. Where answers take long, a newer
 * question takes the place of the older one.
 */
export class Live {
  /**
   * @param {HTMLElement} place what is kept current; it is busy while an answer is awaited
   * @param {(signal: AbortSignal) => Promise<void>} refresh asks with what is true when it is called
   */
  constructor(place, refresh) {
    this.place = place;
    this.refresh = refresh;
    this.stale = false;
    /** The question that is being answered: when it was asked, and what aborts it. */
    this.asked = null;
  }

  async changed() {
    this.stale = true;
    if (this.asked) {
      this.hurry();
      return;
    }
    this.place.setAttribute("aria-busy", "true");
    try {
      while (this.stale) {
        this.stale = false;
        this.asked = { at: performance.now(), controller: new AbortController() };
        await this.refresh(this.asked.controller.signal);
      }
    } finally {
      this.asked = null;
      this.place.setAttribute("aria-busy", "false");
    }
  }

  /** Gives the answer up that is awaited, now or when it has taken too long, if there is something newer to ask. */
  hurry() {
    const { at, controller } = this.asked;
    setTimeout(() => this.stale && controller.abort(), Math.max(0, at + PATIENCE - performance.now()));
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
