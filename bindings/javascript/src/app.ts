import type { Driver } from "./driver.js";
import type { Tokens } from "./effects.js";
import { invalid, RekindleError, wrong } from "./errors.js";
import { type EventName, eventName, type SessionEvent } from "./events.js";
import { MemoryStore } from "./memory-store.js";
import type { SessionOptions } from "./options.js";
import { insideOf, Session } from "./session.js";
import { type BrowserSignIn, withBrowser } from "./sign-in-elsewhere.js";
import type { BegunSignIn, SignInOptions } from "./sign-in-options.js";
import { StoreError } from "./store.js";

/** Options of an app: those of a session, except for the ones that belong to one user. */
export interface AppOptions extends Omit<SessionOptions, "tokens" | "key" | "alone"> {
  /** The number of sessions to keep that the program no longer references. Default: 1,000. */
  mostIdle?: number;
}

/** A user who has signed in. */
export interface SignedIn {
  readonly session: Session;
  /** The user's key, for `app.session(key)`. */
  readonly key: string;
  readonly returnTo: string | undefined;
}

interface Redeemed {
  redeemed: number;
  key: string;
  return_to: string | null;
}

/**
 * The sign-ins of many users, with one configuration and one store.
 *
 * ```js
 * const app = new App({ tokenUrl: "https://auth.example.com/token", origins: ["https://api.example.com"], store });
 * await app.session("user-42").signIn(tokens);
 * const response = await app.session("user-42").fetch("https://api.example.com/users");
 * ```
 *
 * Sessions that the program no longer references are released, except for those used last, and are loaded from the store again when
 * needed.
 */
export class App {
  readonly #options: SessionOptions;
  readonly #driver: Driver | undefined;
  readonly #mostIdle: number;
  #anonymous: Session | undefined;
  /** The most recently used ones, the latest last. */
  readonly #kept = new Map<string, Session>();
  readonly #known = new Map<string, WeakRef<Session>>();
  readonly #listeners = new Set<(key: string, event: SessionEvent) => void>();
  readonly #gone = new FinalizationRegistry<string>((key) => {
    if (!this.#known.get(key)?.deref()) this.#known.delete(key);
  });

  constructor(options: AppOptions, driver?: Driver) {
    const { mostIdle = 1_000, ...rest } = options;
    if (!Number.isInteger(mostIdle) || mostIdle < 0) throw wrong("mostIdle", " must be a whole number, 0 or more");
    for (const name of ["tokens", "key", "alone"]) {
      if (name in rest) throw wrong(name, " is one session's: give it to app.session(key, { tokens })");
    }
    this.#options = { store: new MemoryStore(), ...rest };
    this.#driver = driver;
    this.#mostIdle = mostIdle;
  }

  /** Returns the session of a user; always the same one as long as it is referenced. `tokens` are used if the store has none for the user. */
  session(key: string, options: { tokens?: Tokens } = {}): Session {
    let session = this.#kept.get(key) ?? this.#known.get(key)?.deref();
    if (!session) {
      const { tokens } = options;
      const own: SessionOptions = { ...this.#options, key, ...(tokens ? { tokens } : {}) };
      session = this.#driver ? new Session(own, this.#driver) : new Session(own);
      // The callback references the app's listeners, not the app, so that the app can be collected.
      const listeners = this.#listeners;
      session.onEvent((event) => {
        for (const listener of listeners) listener(key, event);
      });
      this.#known.set(key, new WeakRef(session));
      this.#gone.register(session, key);
    }
    this.#kept.delete(key);
    this.#kept.set(key, session);
    if (this.#kept.size > this.#mostIdle) this.#kept.delete(this.#kept.keys().next().value as string);
    return session;
  }

  /** Like `session.beginSignIn`, for a user who is not known yet. */
  async beginSignIn(options: SignInOptions = {}): Promise<BegunSignIn> {
    return this.#anybody().beginSignIn(options);
  }

  /**
   * Like `session.finishSignIn`. Returns the session of the user who signed in, with the given `key`, or with the user's `sub` if the
   * scope contains `openid`.
   */
  async finishSignIn(pending: string, callback: string | URL, { key }: { key?: string } = {}): Promise<SignedIn> {
    this.#check(key);
    const { driver, number: session } = await insideOf(this.#anybody());
    return this.#taken(await driver.call<Redeemed>({ do: "redeem", session, pending, callback: String(callback), key }));
  }

  /** Like `session.signInWithBrowser`. Returns the session of the user who signed in, with the given `key` or the user's `sub`. */
  async signIn({ key, ...options }: BrowserSignIn & { key?: string } = {}): Promise<SignedIn> {
    this.#check(key);
    const { driver, number } = await insideOf(this.#anybody());
    return this.#taken(await withBrowser<Redeemed>(driver, number, options, { do: "redeem", key }));
  }

  /** Returns the keys of all signed-in users, sorted. The store must have the method `keys`: memory, folders and `BrowserStore` do. */
  async accounts(): Promise<string[]> {
    const { store } = this.#options;
    if (!store?.keys) throw invalid("the store cannot list its keys: give it the method keys, or keep your own list");
    let keys: string[];
    try {
      keys = await store.keys();
    } catch (error) {
      const reason = error instanceof StoreError ? error.message : "its method keys failed";
      throw new RekindleError({ kind: "StoreUnavailable", message: `the store cannot be read now: ${reason}`, retryable: true }, { cause: error });
    }
    // A user who signed out has a record, too.
    const standings = await Promise.all(keys.map(async (key) => (await this.session(key).status({ fresh: true })).standing));
    return keys.filter((_, at) => standings[at] !== "signed_out").sort();
  }

  /** Signs that user out, and asks the server to revoke the tokens: see `session.signOut`. */
  remove(key: string): Promise<boolean | undefined> {
    return this.session(key).signOut({ revoke: true });
  }

  /** Calls `listener` for events of one name of all sessions, with the user's key; returns a function that unsubscribes. */
  on(name: EventName, listener: (key: string, event: SessionEvent) => void): () => void {
    const wanted = eventName(name);
    const own = (key: string, event: SessionEvent) => {
      if (event.name === wanted) listener(key, event);
    };
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** The number of sessions in memory. */
  get sessionsInMemory(): number {
    return this.#alive().length;
  }

  /** Returns the sums of the counters of all sessions in memory. */
  async stats(): Promise<Record<string, number>> {
    const all: Record<string, number> = {};
    for (const counters of await Promise.all(this.#alive().map((session) => session.stats()))) {
      for (const [name, count] of Object.entries(counters)) all[name] = (all[name] ?? 0) + count;
    }
    return all;
  }

  /** Waits until no work is in progress and everything is saved, for at most `most` milliseconds. Returns whether that was reached. */
  async shutdown(most = 5_000): Promise<boolean> {
    const settled = await Promise.all(this.#alive().map((session) => session.shutdown(most)));
    return settled.every((one) => one);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#alive().map((session) => session[Symbol.asyncDispose]()));
    this.#kept.clear();
    this.#known.clear();
  }

  toJSON(): object {
    return {};
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "App {}";
  }

  /** A session for the requests of a sign-in whose user is not known yet; it keeps nothing. */
  #anybody(): Session {
    const { login: _, ...options } = this.#options;
    const own: SessionOptions = { ...options, store: new MemoryStore(), key: "anybody", alone: true };
    return (this.#anonymous ??= this.#driver ? new Session(own, this.#driver) : new Session(own));
  }

  /** What is wrong with a key is told before a code is spent. */
  #check(key: string | undefined): void {
    if (key !== undefined) this.session(key);
  }

  async #taken({ redeemed, key, return_to }: Redeemed): Promise<SignedIn> {
    const session = this.session(key);
    const { driver, number } = await insideOf(session);
    await driver.call({ do: "take_redeemed", session: number, redeemed });
    return { session, key, returnTo: return_to ?? undefined };
  }

  #alive(): Session[] {
    return [...this.#known.values()].map((one) => one.deref()).filter((one) => one !== undefined);
  }
}
