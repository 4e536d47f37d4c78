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
  /** Whether the user has to sign in before a token can be served. */
  readonly needs_sign_in: boolean;
}

/** @internal The core's side of a session. It does not reference the session, which can therefore be collected. */
export interface Inside {
  readonly driver: Driver;
  readonly number: number;
  readonly quick: Quick;
}

let shared: Promise<Driver> | Driver | undefined;

/** @internal Returns the core that all sessions share, and with it their refreshes; a new one in runtimes where requests must not share I/O. */
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

/** Ends sessions in the core that were collected. */
const forgotten = new FinalizationRegistry<Pick<Inside, "driver" | "number"> & { unwatch: (() => void) | undefined }>(({ driver, number, unwatch }) => {
  unwatch?.();
  driver.forget(number, { do: "forget", session: number });
});

/** @internal */
export let insideOf: (session: Session) => Promise<Inside> | Inside;
/** @internal */
export let baseOf: (session: Session) => typeof fetch;
/** @internal Throws if the session's own store or refresh function is calling. */
export let checkOutside: (session: Session) => void;

/** Reduces a lifetime by the time since it was given: the module may be loaded later. */
function aged(tokens: CoreTokens | undefined, ms: number): CoreTokens | undefined {
  if (typeof tokens?.expires_in !== "number" || ms < 1) return tokens;
  const left = tokens.expires_in - ms / 1000;
  return left > 0 ? { ...tokens, expires_in: left } : { ...tokens, expires_in: undefined, expires_at_ms: 1 };
}

function serving(options: SessionOptions, owner: object, fetch: typeof globalThis.fetch, listeners: Listeners, login: Served["login"]): Served {
  const served: Served = {
    owner,
    fetch,
    // Outside of the module: the tokens survive a failure of the module.
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
 * Keeps one sign-in alive: sends requests with its token and refreshes the token when it has expired.
 *
 * ```js
 * const session = new Session({ tokenUrl: "https://auth.example.com/token", tokens, origins: ["https://api.example.com"] });
 * const response = await session.fetch("https://api.example.com/users");
 * ```
 */
export class Session {
  readonly #owner = {};
  /** The owner on whose behalf its login handler runs. */
  readonly #login = {};
  readonly #inside: Promise<Inside> | Inside;
  readonly #listeners = new Listeners();
  readonly #base: typeof fetch;
  #unwatch: (() => void) | undefined;
  #cached: { tag: number; token: Token } | undefined;

  constructor(options: SessionOptions, driver: Promise<Driver> | Driver = sharedDriver()) {
    const given = settings(options);
    const own = options.fetch;
    // Read at each call: tests and instrumentation replace the global fetch.
    this.#base = own ?? ((input, init) => globalThis.fetch(input, init));
    const served = serving(options, this.#owner, this.#base, this.#listeners, this.#loginWith(options.login));
    const now = driver instanceof Driver ? () => driver.clock.mono() : () => performance.now();
    const from = now();
    const make = (driver: Driver): Inside => {
      const number = driver.number();
      const message = () => ({
        do: "session",
        session: number,
        // Once the store has a record, it is newer than these tokens.
        settings: { ...given, tokens: served.saved ? undefined : aged(given.tokens, now() - from) },
      });
      driver.make(number, { message, served });
      const unwatch = options.store?.watch?.(() => driver.send({ do: "changed", session: number }));
      this.#unwatch = unwatch;
      forgotten.register(this, { driver, number, unwatch }, this.#owner);
      return { driver, number, quick: new Quick(driver, number, () => this.tokenIfValid()) };
    };
    this.#inside = driver instanceof Driver ? make(driver) : driver.then(make);
    // The first call that awaits it gets the error.
    if (this.#inside instanceof Promise) this.#inside.catch(() => undefined);
    this.fetch = this.fetch.bind(this);
  }

  static {
    insideOf = (session) => session.#inside;
    baseOf = (session) => session.#base;
    checkOutside = (session) => session.#mayWait();
  }

  /** Like the global `fetch`. Adds the token for the session's origins; if the token is rejected, refreshes it and sends the request again where that is safe. */
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

  /** Returns the token if it is valid now, else `undefined`. */
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

  /** Refreshes now, or joins a refresh in progress. */
  async refresh(options: { signal?: AbortSignal } = {}): Promise<Token> {
    this.#mayWait();
    return new Token(await this.#call<TokenData>({ do: "refresh" }, options.signal));
  }

  /** Like `refresh`, but also during a back-off, and once more with a refresh token that the server has rejected. */
  async forceRefresh(options: { signal?: AbortSignal } = {}): Promise<Token> {
    this.#mayWait();
    return new Token(await this.#call<TokenData>({ do: "force_refresh" }, options.signal));
  }

  /** Discards the access token: the next call refreshes. */
  invalidate(): void {
    this.#cached = undefined;
    const tell = ({ driver, number }: Inside) => {
      driver.send({ do: "invalidate", session: number });
      // At once, so that `tokenIfValid` no longer returns it.
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

  /** Begins a sign-in with an authorization code and PKCE: redirect the browser to `url`, and keep `pending` until it returns. */
  async beginSignIn(options: SignInOptions = {}): Promise<BegunSignIn> {
    this.#notInside();
    return new BegunSignIn(await this.#call({ do: "begin_sign_in", asked: asked(options) }));
  }

  /** Completes a sign-in with the callback URL. A code is sent at most once, even if this is called repeatedly. */
  async finishSignIn(pending: string, callback: string | URL): Promise<{ returnTo: string | undefined }> {
    this.#notInside();
    const done = await this.#call<{ return_to: string | null }>({ do: "finish_sign_in", pending, callback: String(callback) });
    return { returnTo: done.return_to ?? undefined };
  }

  /** In a page: redirects it to the server. `redirectUri` is this page's address by default. */
  async signInWithRedirect(options: SignInOptions = {}): Promise<never> {
    leave(await this.beginSignIn({ redirectUri: ownAddress(), ...options }));
    return new Promise<never>(() => undefined);
  }

  /** In the page at `redirectUri`, when it is loaded: completes the sign-in. Returns `undefined` if the page was not loaded by the server's redirect. */
  async handleRedirectCallback(): Promise<{ returnTo: string | undefined } | undefined> {
    const back = comeBack();
    return back && this.finishSignIn(back.pending, back.callback);
  }

  /** In Node, Bun and Deno: signs in with a browser on this machine. `open` shows the URL to the user; by default it is opened in the browser. */
  async signInWithBrowser(options: BrowserSignIn = {}): Promise<void> {
    this.#notInside();
    const { driver, number } = await this.#ready();
    await withBrowser(driver, number, options);
  }

  /** Signs in on another device: `show` tells the user which URL to open and which code to enter. */
  async signInWithDevice(show: (device: DeviceCode) => unknown, options: SignInOptions & { signal?: AbortSignal } = {}): Promise<void> {
    this.#notInside();
    const { driver, number } = await this.#ready();
    return withDevice(driver, number, show, options);
  }

  /** Signs in with a token exchange, an assertion, or a user name and password. */
  async signInByGrant(grant: SignInGrant): Promise<void> {
    this.#notInside();
    await this.#call({ do: "sign_in_by_grant", grant: grantToCore(grant) });
  }

  /**
   * Deletes the tokens, here and in the store. With `revoke` the server is asked to revoke them: returns whether it did, or `undefined`
   * if it has no revocation endpoint.
   */
  async signOut(options: { revoke?: boolean } = {}): Promise<boolean | undefined> {
    this.#notInside();
    this.#cached = undefined;
    return (await this.#call<boolean | null>({ do: "sign_out", revoke: options.revoke ?? false })) ?? undefined;
  }

  /** Returns the session's state. `fresh` reads the store first if it was not read yet. */
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

  /** Waits until no work is in progress and everything is saved, for at most `most` milliseconds. Returns whether that was reached. */
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

  /** Wraps the handler for the core's side, without keeping the session alive. */
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

  /** Throws if the login handler is calling: the call would wait for the handler itself. */
  #mayWait(): void {
    this.#notInside();
    if (platform.owner() === this.#login) {
      throw misuse("the login handler asked the session that it signs in for a token: it would wait for itself; sign in first, and use plain fetch");
    }
  }

  /** Throws if the session's own store or refresh function is calling: it would wait for itself. */
  #notInside(): void {
    if (platform.owner() === this.#owner) {
      throw misuse("a store or refresh function called the session that it serves: it would wait for itself; use plain fetch there");
    }
  }
}

/** @internal For tests: a separate core with its own clock. */
export async function newDriver(clock?: Clock): Promise<Driver> {
  return new Driver(await platform.load(), platform.boot(), clock);
}
