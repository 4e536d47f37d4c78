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

/** How an app is made: as a session, but for what is one user's. */
export interface AppOptions extends Omit<SessionOptions, "tokens" | "key" | "alone"> {
  /** How many sessions that nobody holds are kept. Default: 1,000. */
  mostIdle?: number;
}

/** Who signed in. */
export interface SignedIn {
  readonly session: Session;
  /** What they are called here: for `app.session(key)`. */
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
 * Sessions that nobody holds are let go of, but for those that were used last, and come back from the store.
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

  /** The session of a user; always the same one, as long as anybody holds it. `tokens`: for one that was never signed in. */
  session(key: string, options: { tokens?: Tokens } = {}): Session {
    let session = this.#kept.get(key) ?? this.#known.get(key)?.deref();
    if (!session) {
      const { tokens } = options;
      const own: SessionOptions = { ...this.#options, key, ...(tokens ? { tokens } : {}) };
      session = this.#driver ? new Session(own, this.#driver) : new Session(own);
      // It knows the app's listeners, and not the app.
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

  /** As `session.beginSignIn`, for a user who is not known yet. */
  async beginSignIn(options: SignInOptions = {}): Promise<BegunSignIn> {
    return this.#anybody().beginSignIn(options);
  }

  /**
   * As `session.finishSignIn`; it gives the session of the one who signed in, under `key`, or, with `openid` in the scope, the server's
   * own name for them (`sub`).
   */
  async finishSignIn(pending: string, callback: string | URL, { key }: { key?: string } = {}): Promise<SignedIn> {
    this.#check(key);
    const { driver, number: session } = await insideOf(this.#anybody());
    return this.#taken(await driver.call<Redeemed>({ do: "redeem", session, pending, callback: String(callback), key }));
  }

  /** As `session.signInWithBrowser`; it gives the session of the one who signed in, under `key` or their `sub`. */
  async signIn({ key, ...options }: BrowserSignIn & { key?: string } = {}): Promise<SignedIn> {
    this.#check(key);
    const { driver, number } = await insideOf(this.#anybody());
    return this.#taken(await withBrowser<Redeemed>(driver, number, options, { do: "redeem", key }));
  }

  /** The keys of all who are signed in, in order. The store must be able to tell its keys: memory, folders and `BrowserStore` are. */
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
    // Whoever signed out has left a record that says so.
    const standings = await Promise.all(keys.map(async (key) => (await this.session(key).status({ fresh: true })).standing));
    return keys.filter((_, at) => standings[at] !== "signed_out").sort();
  }

  /** Signs that user out, and asks the server to revoke the tokens: see `session.signOut`. */
  remove(key: string): Promise<boolean | undefined> {
    return this.session(key).signOut({ revoke: true });
  }

  /** Hears events of one name of all sessions, with their keys; gives what ends it. */
  on(name: EventName, listener: (key: string, event: SessionEvent) => void): () => void {
    const wanted = eventName(name);
    const own = (key: string, event: SessionEvent) => {
      if (event.name === wanted) listener(key, event);
    };
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** How many sessions are in memory. */
  get sessionsInMemory(): number {
    return this.#alive().length;
  }

  /** The counters of all sessions that are in memory, added up. */
  async stats(): Promise<Record<string, number>> {
    const all: Record<string, number> = {};
    for (const counters of await Promise.all(this.#alive().map((session) => session.stats()))) {
      for (const [name, count] of Object.entries(counters)) all[name] = (all[name] ?? 0) + count;
    }
    return all;
  }

  /** Waits until nothing is under way and everything is saved, so many milliseconds at most. Whether that came about. */
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

  /** Of nobody: it sends what a sign-in takes before it is known whose it is, and keeps nothing. */
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
