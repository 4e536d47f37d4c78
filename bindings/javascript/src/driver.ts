import { misuse, RekindleError, type ErrorData } from "./errors.js";
import { Module } from "./module.js";
import { platform } from "#platform";
import { Signatures } from "./signing-key.js";
import { type DeviceEffect, type Effect, errorOf, type Served, serve } from "./effects.js";

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

const MOST_FAILURES = 3;

const NOBODY = {};

/** The first message to each instance: errors spell settings as here. */
const LANGUAGE = { do: "spelling", of: "javascript" };

interface Waiting {
  device?: ((effect: DeviceEffect) => void) | undefined;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** What is made anew after the module failed: sessions, then their clients. */
export interface Registration {
  /** The message that makes it. Called again each time. */
  message(): object;
  served?: Served;
}

/** Takes turns with the core: hands it what is asked and answered, and does what it says. */
export class Driver {
  readonly clock: Clock;
  /** Whether redirects are followed here, hop by hop, or by `fetch` unseen. */
  seesRedirects: boolean = platform.seesRedirects;
  readonly #renew: () => Module | Promise<Module>;
  /** `undefined` while it is loaded anew. */
  #module: Module | undefined;
  readonly #made = new Map<number, Registration>();
  readonly #signatures = new Signatures();
  readonly #guests = new Map<number, Served>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #running = new Map<number, AbortController>();
  readonly #deadlines = new Map<number, (error: RekindleError) => void>();
  #messages: object[] = [LANGUAGE];
  #planned = false;
  #storeCalls = 0;
  #next = 1;
  #instances = 0;
  /** It could not be loaded anew. */
  #lost = false;
  /** How often it failed since something was last answered. */
  #failures = 0;
  #timer: { due: number; waited: boolean; cancel: () => void } | undefined;

  /** `load`: gives another instance, where this one has failed. */
  constructor(instance: WebAssembly.Instance, boot: string, clock: Clock = systemClock, load = platform.load) {
    const make = (instance: WebAssembly.Instance) => new Module(instance, boot);
    this.#module = make(instance);
    this.#renew = () => {
      const loaded = load();
      return loaded instanceof WebAssembly.Instance ? make(loaded) : loaded.then(make);
    };
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
    try {
      this.turn();
    } finally {
      this.#waiting.delete(call);
    }
    if (!done) throw misuse("the core did not answer");
    if ("error" in done) throw done.error;
    return done.ok as T;
  }

  /** Asks the core. All that is asked in one task crosses at once. */
  call<T>(message: object, signal?: AbortSignal | null, device?: (effect: DeviceEffect) => void): Promise<T> {
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
        device,
        resolve: (value) => (free(), resolve(value as T)),
        reject: (error) => (free(), reject(error)),
      });
      this.send({ ...message, call });
    });
  }

  /** Tells the core. */
  send(message: object): void {
    if (this.#lost) {
      this.#lost = false;
      this.#start();
    }
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

  /** Makes a session or a client; throws what the core says against it. */
  make<T>(number: number, registration: Registration): T {
    this.#made.set(number, registration);
    this.#signatures.add(registration.served?.keys ?? []);
    try {
      return this.callNow<T>(registration.message());
    } catch (error) {
      this.#made.delete(number);
      throw error;
    }
  }

  /** Asks the core for what belongs to no session, but sends as one does. */
  async callAs<T>(served: Served, message: object): Promise<T> {
    const session = this.number();
    this.#guests.set(session, served);
    try {
      return await this.call<T>({ ...message, session });
    } finally {
      this.#guests.delete(session);
    }
  }

  forget(number: number, message: object): void {
    if (this.#made.delete(number)) this.send(message);
  }

  /** Calls back at the request's deadline; gives what ends that, and all that the core keeps of the request. */
  watch(request: number, expired: (error: RekindleError) => void): () => void {
    this.#deadlines.set(request, expired);
    return () => {
      if (this.#deadlines.delete(request)) this.send({ do: "end", request });
    };
  }

  tag(session: number): number {
    let tag: number;
    try {
      tag = this.#module?.tag(session, this.clock.mono(), this.clock.wall()) ?? 0;
    } catch (error) {
      this.#recover(error);
      return 0;
    }
    if (tag < 0) this.plan();
    const number = tag & 0x7fff_ffff;
    // An instance that was made anew counts from the beginning.
    return number === 0 ? 0 : number + this.#instances * 2 ** 31;
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
    // The messages wait until it is there again.
    if (!this.#module) return;
    const messages = this.#messages;
    this.#messages = [];
    let said: ReturnType<Module["turn"]>;
    try {
      said = this.#module.turn(this.clock.mono(), this.clock.wall(), messages);
    } catch (error) {
      return this.#recover(error);
    }
    this.#setTimer(said.due_ms);
    for (const effect of said.effects as Effect[]) this.#carryOut(effect);
    // Who waited may have its answer now: the timer that is left keeps no process alive.
    if (this.#timer) this.#setTimer(this.#timer.due);
  }

  /**
   * The module failed (a trap): that instance must not be called again. Everything is made anew and comes back from the stores;
   * what was being asked is told so.
   */
  #recover(cause: unknown): void {
    const error = new RekindleError(
      {
        kind: "System",
        message: "rekindle.wasm failed and was restarted; sessions come back from their stores: call again, and report this",
        retryable: true,
      },
      { cause },
    );
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#messages = [LANGUAGE];
    const running = [...this.#running.values()];
    this.#running.clear();
    const deadlines = [...this.#deadlines.values()];
    this.#deadlines.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
    // What fails again and again waits for the next call, not for ever in a circle.
    this.#failures += 1;
    for (const { message } of this.#made.values()) this.#messages.push({ ...message(), call: this.number() });
    this.#start();
    // A save is never broken off: only what fetch is doing is.
    for (const controller of running) controller.abort(error);
    for (const expired of deadlines) expired(error);
    for (const { reject } of waiting) reject(error);
  }

  #start(): void {
    this.#module = undefined;
    this.#instances += 1;
    const go = (module: Module) => {
      this.#module = module;
      if (this.#failures < MOST_FAILURES) this.plan();
    };
    const renewed = this.#renew();
    if (renewed instanceof Module) return go(renewed);
    renewed.then(go, (error: unknown) => {
      // The network is gone, say: whoever waits is told, and the next call tries again.
      const waiting = [...this.#waiting.values()];
      this.#waiting.clear();
      for (const { reject } of waiting) reject(error);
      this.#lost = true;
    });
  }

  #carryOut(effect: Effect): void {
    switch (effect.effect) {
      case "done":
        return this.#done(effect);
      case "event":
        // A turn may be made by what runs for a session: its listeners don't.
        return platform.inside(NOBODY, () => this.#made.get(effect.session)?.served?.tell(effect));
      case "expired":
        return this.#deadlines.get(effect.request)?.(errorOf(effect.error));
      case "device":
        return this.#waiting.get(effect.call)?.device?.(effect);
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
        // Servers and users take their time.
        const ofAStore = effect.effect === "send" || effect.effect === "login" ? 0 : 1;
        this.#storeCalls += ofAStore;
        void this.#serve(effect, controller.signal).then((answer) => {
          this.#storeCalls -= ofAStore;
          // An answer for an instance that failed is for nobody: numbers begin anew.
          if (this.#running.get(op) === controller && this.#running.delete(op)) this.send({ ...answer, do: "answer", op });
        });
      }
    }
  }

  /** Never rejects. */
  async #serve(effect: Parameters<typeof serve>[0], signal: AbortSignal): Promise<object> {
    const served = this.#made.get(effect.session)?.served ?? this.#guests.get(effect.session);
    try {
      const signed = effect.effect === "send" ? await this.#signatures.complete(effect) : undefined;
      return await serve(signed ?? effect, served, signal);
    } catch (error) {
      return { error: (error as Error).message, sent: false };
    }
  }

  #done(effect: { call: number; ok?: unknown; error?: ErrorData }): void {
    const waiting = this.#waiting.get(effect.call);
    this.#waiting.delete(effect.call);
    if (waiting) this.#failures = 0;
    if (effect.error) return waiting?.reject(errorOf(effect.error));
    const { ok } = effect;
    const signed = hasHeaders(ok) ? this.#signatures.complete(ok) : undefined;
    if (signed) signed.then(waiting?.resolve, waiting?.reject);
    else waiting?.resolve(ok);
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

/** What a request carries of ours. */
function hasHeaders(ok: unknown): ok is { headers: [string, string][] } {
  return typeof ok === "object" && ok !== null && Array.isArray((ok as { headers?: unknown }).headers);
}
