import { type Clock, Driver } from "./driver.js";
import { type CoreTokens, type Served, type Tokens, tokensToCore } from "./effects.js";
import { misuse } from "./errors.js";
import { type EventName, eventName, Listeners, type SessionEvent } from "./events.js";
import { fetchWith } from "./fetch.js";
import { MemoryStore } from "./memory-store.js";
import { milliseconds, onlyTokens, type SessionOptions, settings } from "./options.js";
import { platform } from "#platform";
import { Quick } from "./quick.js";
import { comeBack, leave, ownAddress } from "./redirect.js";
import { type BrowserSignIn, withBrowser, withDevice } from "./sign-in-elsewhere.js";
import { asked, BegunSignIn, type DeviceCode, grantToCore, type SignInGrant, type SignInOptions } from "./sign-in-options.js";
import { Token, type TokenData } from "./token.js";

/** The state of a session, without secrets. */
export interface Status {
  readonly standing: "unread" | "active" | "login_required" | "signed_out";
  readonly generation: number | null;
  readonly valid: boolean;
  readonly refreshable: boolean;
  readonly persisted: boolean;
  readonly refreshing: boolean;
  readonly failures: number;
  readonly backoff_ms: number | null;
  readonly leased: boolean;
  readonly scope: string | null;
  readonly expires_at_ms: number | null;
  readonly refresh_token_expires_at_ms: number | null;
}

/** @internal What a session is to the core. The core's side holds this, not the session: so a session can be collected. */
export interface Inside {
  readonly driver: Driver;
  readonly number: number;
  readonly quick: Quick;
}

let shared: Promise<Driver> | Driver | undefined;

/** @internal The core of all sessions: one, so that they share their refreshes; but where no request may wait for another's, one for each. */
export function sharedDriver(): Promise<Driver> | Driver {
  if (shared) return shared;
  const module = platform.load();
  const start = (loaded: WebAssembly.Instance) => {
    const driver = new Driver(loaded, platform.boot());
    if (platform.shares) shared = driver;
    return driver;
  };
  const failed = (error: unknown) => {
    // The next session tries again.
    shared = undefined;
    throw error;
  };
  if (module instanceof WebAssembly.Instance) return start(module);
  return (shared = module.then(start, failed));
}

/** Sessions that nobody holds any more. */
const forgotten = new FinalizationRegistry<Pick<Inside, "driver" | "number"> & { unwatch: (() => void) | undefined }>(({ driver, number, unwatch }) => {
  unwatch?.();
  driver.forget(number, { do: "forget", session: number });
});

/** @internal */
export let insideOf: (session: Session) => Promise<Inside> | Inside;
/** @internal */
export let baseOf: (session: Session) => typeof fetch;
/** @internal Throws where a session's own store or refresh function calls. */
export let checkOutside: (session: Session) => void;

/** A lifetime counts from when it was given: the module may be loaded later, or anew. */
function aged(tokens: CoreTokens | undefined, ms: number): CoreTokens | undefined {
  if (typeof tokens?.expires_in !== "number" || ms < 1) return tokens;
  const left = tokens.expires_in - ms / 1000;
  return left > 0 ? { ...tokens, expires_in: left } : { ...tokens, expires_in: undefined, expires_at_ms: 1 };
}

function serving(options: SessionOptions, owner: object, fetch: typeof globalThis.fetch, listeners: Listeners, login: Served["login"]): Served {
  const served: Served = {
    owner,
    fetch,
    // In this process, and not in the module: what it holds outlives a failure of the module.
    store: options.store ?? new MemoryStore(),
    keys: [options.clientKey, options.dpopKey].filter((key) => key !== undefined),
    refresh: options.refresh,
    login,
    saved: false,
    tell: (event) => listeners.tell(event),
  };
  return served;
}

/**
 * One sign-in, kept alive.
 *
 * ```js
 * const session = new Session({ tokenUrl: "https://auth.example.com/token", tokens, origins: ["https://api.example.com"] });
 * const response = await session.fetch("https://api.example.com/users");
 * ```
 */
export class Session {
  readonly #owner = {};
  /** On whose behalf its login handler runs. */
  readonly #login = {};
  readonly #inside: Promise<Inside> | Inside;
  readonly #listeners = new Listeners();
  readonly #base: typeof fetch;
  #unwatch: (() => void) | undefined;
  #cached: { tag: number; token: Token } | undefined;

  constructor(options: SessionOptions, driver: Promise<Driver> | Driver = sharedDriver()) {
    const given = settings(options);
    const own = options.fetch;
    // Looked up at each call: tests and instrumentation replace the global one.
    this.#base = own ?? ((input, init) => globalThis.fetch(input, init));
    const served = serving(options, this.#owner, this.#base, this.#listeners, this.#loginWith(options.login));
    const now = driver instanceof Driver ? () => driver.clock.mono() : () => performance.now();
    const from = now();
    const make = (driver: Driver): Inside => {
      const number = driver.number();
      const message = () => ({
        do: "session",
        session: number,
        // What the store has is newer than what the session was made with.
        settings: { ...given, tokens: served.saved ? undefined : aged(given.tokens, now() - from) },
      });
      driver.make(number, { message, served });
      const unwatch = options.store?.watch?.(() => driver.send({ do: "changed", session: number }));
      this.#unwatch = unwatch;
      forgotten.register(this, { driver, number, unwatch }, this.#owner);
      return { driver, number, quick: new Quick(driver, number, () => this.tokenIfValid()) };
    };
    this.#inside = driver instanceof Driver ? make(driver) : driver.then(make);
    // Told by the first call that waits for it.
    if (this.#inside instanceof Promise) this.#inside.catch(() => undefined);
    this.fetch = this.fetch.bind(this);
  }

  static {
    insideOf = (session) => session.#inside;
    baseOf = (session) => session.#base;
    checkOutside = (session) => session.#mayWait();
  }

  /** As the global `fetch`, with the token at the session's origins, refreshed and sent again where that is safe. */
  async fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    this.#mayWait();
    const { driver, number, quick } = this.#inside instanceof Promise ? await this.#inside : this.#inside;
    return fetchWith(driver, number, this.#base, quick, input, init);
  }

  /** Returns a valid token, refreshing it first if necessary. `minLife`: the minimum remaining lifetime in milliseconds. */
  async token(options: { minLife?: number; signal?: AbortSignal } = {}): Promise<Token> {
    this.#mayWait();
    const min_life_ms = milliseconds("minLife", options.minLife);
    const valid = min_life_ms === undefined ? this.tokenIfValid() : undefined;
    if (valid) return valid;
    return new Token(await this.#call<TokenData>({ do: "token", min_life_ms }, options.signal));
  }

  /** Returns the token if it is valid now. */
  tokenIfValid(): Token | undefined {
    if (this.#inside instanceof Promise) return undefined;
    const { driver, number } = this.#inside;
    const tag = driver.tag(number);
    if (tag === 0) return undefined;
    if (this.#cached?.tag !== tag) {
      const data = driver.callNow<TokenData | null>({ do: "token_if_valid", session: number });
      if (!data) return undefined;
      this.#cached = { tag, token: new Token(data) };
    }
    return this.#cached?.token;
  }

  /** Refreshes now, or joins the refresh that is under way. */
  async refresh(options: { signal?: AbortSignal } = {}): Promise<Token> {
    this.#mayWait();
    return new Token(await this.#call<TokenData>({ do: "refresh" }, options.signal));
  }

  /** As `refresh`, even during a back-off, and once more with a refresh token that the server rejected. */
  async forceRefresh(options: { signal?: AbortSignal } = {}): Promise<Token> {
    this.#mayWait();
    return new Token(await this.#call<TokenData>({ do: "force_refresh" }, options.signal));
  }

  /** Discards the access token: the next call refreshes. */
  invalidate(): void {
    this.#cached = undefined;
    const tell = ({ driver, number }: Inside) => {
      driver.send({ do: "invalidate", session: number });
      // At once: `tokenIfValid` must not serve it any more.
      driver.turn();
    };
    if (this.#inside instanceof Promise) void this.#inside.then(tell, () => undefined);
    else tell(this.#inside);
  }

  /** Stores the tokens that a sign-in returned. */
  async signIn(tokens: Tokens): Promise<void> {
    this.#notInside();
    onlyTokens("", tokens);
    const credential = tokensToCore(tokens);
    const from = performance.now();
    // The module may still be loaded.
    if (this.#inside instanceof Promise) await this.#inside;
    else return this.#call({ do: "sign_in", credential });
    await this.#call({ do: "sign_in", credential: aged(credential, performance.now() - from) });
  }

  /** Begins a sign-in with an authorization code and PKCE: lead the browser to `url`, and keep `pending` until it comes back. */
  async beginSignIn(options: SignInOptions = {}): Promise<BegunSignIn> {
    this.#notInside();
    return new BegunSignIn(await this.#call({ do: "begin_sign_in", asked: asked(options) }));
  }

  /** Ends a sign-in with the address that the browser came back with. Its code is spent once, whatever is called how often. */
  async finishSignIn(pending: string, callback: string | URL): Promise<{ returnTo: string | undefined }> {
    this.#notInside();
    const done = await this.#call<{ return_to: string | null }>({ do: "finish_sign_in", pending, callback: String(callback) });
    return { returnTo: done.return_to ?? undefined };
  }

  /** In a page: leads it to the server, which leads it back. `redirectUri`: by default this page's own address. */
  async signInWithRedirect(options: SignInOptions = {}): Promise<never> {
    leave(await this.beginSignIn({ redirectUri: ownAddress(), ...options }));
    return new Promise<never>(() => undefined);
  }

  /** In the page that `redirectUri` names, when it is loaded: ends the sign-in that the server led back from; nothing where it did not. */
  async handleRedirectCallback(): Promise<{ returnTo: string | undefined } | undefined> {
    const back = comeBack();
    return back && this.finishSignIn(back.pending, back.callback);
  }

  /** In Node, Bun and Deno: signs in with a browser of this machine. `open` shows it the address; by default it is opened. */
  async signInWithBrowser(options: BrowserSignIn = {}): Promise<void> {
    this.#notInside();
    const { driver, number } = await this.#ready();
    await withBrowser(driver, number, options);
  }

  /** Signs in on another device: `show` tells the user where to go, and which code to enter. */
  async signInWithDevice(show: (device: DeviceCode) => unknown, options: SignInOptions & { signal?: AbortSignal } = {}): Promise<void> {
    this.#notInside();
    const { driver, number } = await this.#ready();
    return withDevice(driver, number, show, options);
  }

  /** Signs in with what stands for the user already. */
  async signInByGrant(grant: SignInGrant): Promise<void> {
    this.#notInside();
    await this.#call({ do: "sign_in_by_grant", grant: grantToCore(grant) });
  }

  /**
   * Forgets the tokens, here and in the store. With `revoke` the server is asked to revoke them: gives whether it did, and
   * `undefined` where it has no endpoint for that.
   */
  async signOut(options: { revoke?: boolean } = {}): Promise<boolean | undefined> {
    this.#notInside();
    this.#cached = undefined;
    return (await this.#call<boolean | null>({ do: "sign_out", revoke: options.revoke ?? false })) ?? undefined;
  }

  /** What the session can say about itself. `fresh`: reads the store first, if it was not read yet. */
  async status(options: { fresh?: boolean } = {}): Promise<Status> {
    return this.#call<Status>({ do: "status", fresh: options.fresh ?? false });
  }

  /** Returns counters of what happened since the session was created. */
  async stats(): Promise<Record<string, number>> {
    return this.#call<Record<string, number>>({ do: "stats" });
  }

  /** Calls `listener` for events of one name from now on, as `on("loginRequired", ..)`; returns a function that unsubscribes. */
  on(name: EventName, listener: (event: SessionEvent) => void): () => void {
    const wanted = eventName(name);
    return this.#listeners.add((event) => {
      if (event.name === wanted) listener(event);
    });
  }

  /** Calls `listener` for every event from now on; returns a function that unsubscribes. */
  onEvent(listener: (event: SessionEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** `for await (const event of session.events())`: every event from now on, until `signal` or a `break`. */
  events(options: { signal?: AbortSignal } = {}): AsyncGenerator<SessionEvent, void, void> {
    return this.#listeners.iterate(options.signal);
  }

  /** Waits until nothing is under way and everything is saved, so many milliseconds at most. Whether that came about. */
  async shutdown(most = 5_000): Promise<boolean> {
    const ms = milliseconds("most", most) ?? 0;
    return (await this.#call<{ settled: boolean }>({ do: "shutdown", ms })).settled;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
    this.#unwatch?.();
    const { driver, number } = await this.#ready();
    forgotten.unregister(this.#owner);
    driver.forget(number, { do: "forget", session: number });
  }

  toJSON(): object {
    return {};
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "Session {}";
  }

  async #ready(): Promise<Inside> {
    return this.#inside;
  }

  async #call<T>(message: object, signal?: AbortSignal): Promise<T> {
    const { driver, number } = await this.#ready();
    return driver.call<T>({ ...message, session: number }, signal);
  }

  /** The handler, for the core's side, which does not keep the session alive. */
  #loginWith(handler: SessionOptions["login"]): Served["login"] {
    if (!handler) return undefined;
    const [self, inside] = [new WeakRef(this), this.#login];
    return async () => {
      const session = self.deref();
      if (!session) throw misuse("the session is gone: nobody can sign in");
      const tokens = await platform.inside(inside, async () => handler(session));
      if (tokens) await session.signIn(tokens);
    };
  }

  /** Calls that may wait for the user must not come from what signs the user in. */
  #mayWait(): void {
    this.#notInside();
    if (platform.owner() === this.#login) {
      throw misuse("the login handler asked the session that it signs in for a token: it would wait for itself; sign in first, and use plain fetch");
    }
  }

  /** Whoever is asked by a session must not wait for it. */
  #notInside(): void {
    if (platform.owner() === this.#owner) {
      throw misuse("a store or refresh function called the session that it serves: it would wait for itself; use plain fetch there");
    }
  }
}

/** @internal For tests: sessions of a core of its own, with a clock of its own. */
export async function newDriver(clock?: Clock): Promise<Driver> {
  return new Driver(await platform.load(), platform.boot(), clock);
}
