/** A clock that stands until a case turns it. */
export class ManualClock {
  #mono = 3_600_000;
  #wall = 1_893_456_000_000;
  #timers = new Set();

  mono = () => this.#mono;
  wall = () => this.#wall;

  at(mono, call) {
    const timer = { mono, call };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  advance(ms) {
    this.#mono += ms;
    this.#wall += ms;
    for (const timer of [...this.#timers]) {
      if (timer.mono <= this.#mono && this.#timers.delete(timer)) timer.call();
    }
  }

  jumpWall(ms) {
    this.#wall += ms;
  }

  /** How long until the next timer. */
  left() {
    const due = Math.min(...[...this.#timers].map((timer) => timer.mono));
    return Number.isFinite(due) ? Math.max(0, due - this.#mono) : undefined;
  }
}
