import { misuse, RekindleError, type ErrorData } from "./errors.js";
import { Module } from "./module.js";
import { platform } from "#platform";
import { type Effect, type Served, serve } from "./effects.js";

/** Both clocks, in milliseconds. */
export interface Clock {
  mono(): number;
  wall(): number;
  /** Calls back once `mono` has been reached; gives what calls it off. `waited`: somebody waits for it. */
  at(mono: number, call: () => void, waited: boolean): () => void;
}

/** The clocks and timers of the runtime. */
export const systemClock: Clock = {
  mono: () => performance.now(),
  wall: () => Date.now(),
  at(mono, call, waited) {
    // A longer one would go off at once.
    const left = Math.min(Math.max(0, Math.ceil(mono - performance.now())), 0x7fff_ffff);
    const timer: unknown = setTimeout(call, left);
    // What nobody waits for keeps no process alive.
    if (!waited && typeof timer === "object" && timer !== null && "unref" in timer) {
      (timer as { unref(): void }).unref();
    }
    return () => clearTimeout(timer as number);
  },
};

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Takes turns with the core: hands it what is asked and answered, and does what it says. */
export class Driver {
  readonly clock: Clock;
  /** Whether redirects are followed here, hop by hop, or by `fetch` unseen. */
  seesRedirects: boolean = platform.seesRedirects;
  readonly #module: Module;
  readonly #served = new Map<number, Served>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #running = new Map<number, AbortController>();
  #messages: object[] = [];
  #planned = false;
  #storeCalls = 0;
  #next = 1;
  #timer: { due: number; waited: boolean; cancel: () => void } | undefined;

  constructor(instance: WebAssembly.Instance, boot: string, clock: Clock = systemClock) {
    this.#module = new Module(instance, boot);
    this.clock = clock;
  }

  /** A number that is used once. */
  number(): number {
    return this.#next++;
  }

  /** Asks the core at once, for what it answers at once. */
  callNow<T>(message: object): T {
    const call = this.number();
    let done: { ok: unknown } | { error: unknown } | undefined;
    this.#waiting.set(call, { resolve: (ok) => (done = { ok }), reject: (error) => (done = { error }) });
    this.#messages.push({ ...message, call });
    this.turn();
    this.#waiting.delete(call);
    if (!done) throw misuse("the core did not answer");
    if ("error" in done) throw done.error;
    return done.ok as T;
  }

  /** Asks the core. All that is asked in one task crosses at once. */
  call<T>(message: object, signal?: AbortSignal | null): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const call = this.number();
    return new Promise<T>((resolve, reject) => {
      const abort = () => {
        this.#waiting.delete(call);
        this.send({ do: "cancel", call });
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      const free = () => signal?.removeEventListener("abort", abort);
      this.#waiting.set(call, {
        resolve: (value) => (free(), resolve(value as T)),
        reject: (error) => (free(), reject(error)),
      });
      this.send({ ...message, call });
    });
  }

  /** Tells the core. */
  send(message: object): void {
    this.#messages.push(message);
    this.plan();
  }

  /** A turn comes as soon as what runs now has ended. */
  plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    queueMicrotask(() => {
      if (this.#planned) this.turn();
    });
  }

  serve(session: number, served: Served): void {
    this.#served.set(session, served);
  }

  forget(session: number): void {
    this.#served.delete(session);
    this.send({ do: "forget", session });
  }

  tag(session: number): number {
    const tag = this.#module.tag(session, this.clock.mono(), this.clock.wall());
    if (tag < 0) this.plan();
    return tag & 0x7fff_ffff;
  }

  /** Questions to a store or refresh function that are not answered yet. */
  get busyWithStore(): boolean {
    return this.#storeCalls > 0 || this.#messages.length > 0;
  }

  /** Whether anything is under way. */
  get busy(): boolean {
    return this.#running.size > 0 || this.#messages.length > 0;
  }

  /** When the next timer is due, on the monotonic clock. */
  get due(): number | undefined {
    return this.#timer?.due;
  }

  turn(): void {
    this.#planned = false;
    const messages = this.#messages;
    this.#messages = [];
    const said = this.#module.turn(this.clock.mono(), this.clock.wall(), messages);
    this.#setTimer(said.due_ms);
    for (const effect of said.effects as Effect[]) this.#carryOut(effect);
  }

  #carryOut(effect: Effect): void {
    switch (effect.effect) {
      case "done":
        return this.#done(effect);
      case "event":
        return this.#served.get(effect.session)?.tell(effect);
      case "forget":
        this.#running.get(effect.op)?.abort();
        this.#running.delete(effect.op);
        return;
      case "fault":
        throw misuse(effect.message);
      default: {
        const { op } = effect;
        const controller = new AbortController();
        this.#running.set(op, controller);
        const ofAStore = effect.effect === "send" ? 0 : 1;
        this.#storeCalls += ofAStore;
        void serve(effect, this.#served.get(effect.session), controller.signal).then((answer) => {
          this.#storeCalls -= ofAStore;
          if (this.#running.delete(op)) this.send({ ...answer, do: "answer", op });
        });
      }
    }
  }

  #done(effect: { call: number; ok?: unknown; error?: ErrorData }): void {
    const waiting = this.#waiting.get(effect.call);
    this.#waiting.delete(effect.call);
    if (effect.error) waiting?.reject(new RekindleError(effect.error));
    else waiting?.resolve(effect.ok);
  }

  #setTimer(due: number | null): void {
    const waited = this.#waiting.size > 0;
    if (this.#timer && this.#timer.due === due && this.#timer.waited === waited) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (due === null) return;
    this.#timer = { due, waited, cancel: this.clock.at(due, () => this.#ring(), waited) };
  }

  #ring(): void {
    this.#timer = undefined;
    this.turn();
  }
}
