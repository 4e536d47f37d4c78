import { misuse, RekindleError, type ErrorData } from "./errors.js";
import { Module } from "./module.js";
import { platform } from "#platform";
import { Signatures } from "./signing-key.js";
import { type DeviceEffect, type Effect, errorOf, type Served, serve } from "./effects.js";

/** Both clocks, in milliseconds. */
export interface Clock {
  mono(): number;
  wall(): number;
  /** Calls back once `mono` has been reached; returns a function that cancels it. `waited`: a call is waiting for it. */
  at(mono: number, call: () => void, waited: boolean): () => void;
}

/** The clocks and timers of the runtime. */
export const systemClock: Clock = {
  mono: () => performance.now(),
  wall: () => Date.now(),
  at(mono, call, waited) {
    // A longer timeout would fire at once.
    const left = Math.min(Math.max(0, Math.ceil(mono - performance.now())), 0x7fff_ffff);
    const timer: unknown = setTimeout(call, left);
    // A timer that no call waits for must not keep the process alive.
    if (!waited && typeof timer === "object" && timer !== null && "unref" in timer) {
      (timer as { unref(): void }).unref();
    }
    return () => clearTimeout(timer as number);
  },
};

const MOST_FAILURES = 3;

const NOBODY = {};

/** The first message to each instance: errors spell settings as JavaScript does. */
const LANGUAGE = { do: "spelling", of: "javascript" };

interface Waiting {
  device?: ((effect: DeviceEffect) => void) | undefined;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** A session or client, which is created again after the module failed. */
export interface Registration {
  /** Returns the message that creates it. Called each time it is created. */
  message(): object;
  served?: Served;
}

/** Drives the core: passes it messages, and carries out the effects it returns. */
export class Driver {
  readonly clock: Clock;
  /** Whether redirects are followed here, one by one; otherwise `fetch` follows them by itself. */
  seesRedirects: boolean = platform.seesRedirects;
  readonly #renew: () => Module | Promise<Module>;
  /** `undefined` while it is being reloaded. */
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
  /** Whether reloading failed. */
  #lost = false;
  /** The number of failures since the last answered call. */
  #failures = 0;
  #timer: { due: number; waited: boolean; cancel: () => void } | undefined;

  /** `load` returns a new instance after this one has failed. */
  constructor(instance: WebAssembly.Instance, boot: string, clock: Clock = systemClock, load = platform.load) {
    const make = (instance: WebAssembly.Instance) => new Module(instance, boot);
    this.#module = make(instance);
    this.#renew = () => {
      const loaded = load();
      return loaded instanceof WebAssembly.Instance ? make(loaded) : loaded.then(make);
    };
    this.clock = clock;
  }

  /** Returns a number that was not used before. */
  number(): number {
    return this.#next++;
  }

  /** Makes a call that the core answers in the same turn. */
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

  /** Makes a call. All calls of one task are passed to the core together. */
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

  /** Sends a message that has no answer. */
  send(message: object): void {
    if (this.#lost) {
      this.#lost = false;
      this.#start();
    }
    this.#messages.push(message);
    this.plan();
  }

  /** Schedules a turn for the end of the current task. */
  plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    queueMicrotask(() => {
      if (this.#planned) this.turn();
    });
  }

  /** Creates a session or a client; throws the core's error. */
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

  /** Makes a call that belongs to no session, but sends requests as one does. */
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

  /** Calls back at the request's deadline; returns a function that ends the request in the core. */
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
    // A new instance counts from 1 again.
    return number === 0 ? 0 : number + this.#instances * 2 ** 31;
  }

  /** Whether a call to a store or refresh function is unanswered. */
  get busyWithStore(): boolean {
    return this.#storeCalls > 0 || this.#messages.length > 0;
  }

  /** Whether any work is in progress. */
  get busy(): boolean {
    return this.#running.size > 0 || this.#messages.length > 0;
  }

  /** When the next timer is due, on the monotonic clock. */
  get due(): number | undefined {
    return this.#timer?.due;
  }

  turn(): void {
    this.#planned = false;
    // The messages wait until the module is loaded again.
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
    // The waiting calls may have been answered: the remaining timer must not keep the process alive.
    if (this.#timer) this.#setTimer(this.#timer.due);
  }

  /**
   * The module trapped: that instance must not be called again. Sessions are created again and loaded from their stores; waiting calls
   * reject.
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
    // After repeated failures the next call restarts the module, so that it does not restart in a loop.
    this.#failures += 1;
    for (const { message } of this.#made.values()) this.#messages.push({ ...message(), call: this.number() });
    this.#start();
    // Only requests are aborted, never a save.
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
      // For example, the network is down: the waiting calls reject, and the next call tries again.
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
        // A turn may run in a store's or login handler's context; listeners must not.
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
        // Servers and users may take long: only stores and refresh functions count as store calls.
        const ofAStore = effect.effect === "send" || effect.effect === "login" ? 0 : 1;
        this.#storeCalls += ofAStore;
        void this.#serve(effect, controller.signal).then((answer) => {
          this.#storeCalls -= ofAStore;
          // An answer for a failed instance is dropped: the new one reuses its numbers.
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

/** Whether an answer holds headers for a request. */
function hasHeaders(ok: unknown): ok is { headers: [string, string][] } {
  return typeof ok === "object" && ok !== null && Array.isArray((ok as { headers?: unknown }).headers);
}
