import { BrowserOwners } from "./browser-owners.js";
import { type Expected, fits, newVersion, type Store, StoreError, type Stored } from "./store.js";
import type { Tokens } from "./effects.js";

/** The time for a write to reach the processes of other tabs: the HTML Standard lets them read the old value for a while. */
const SETTLED_MS = 30;

/**
 * Keeps the tokens in `localStorage`, for pages that must use it. Prefer `BrowserStore`: it also works in workers, and its saves are
 * durable. With Web Locks (in secure contexts) all tabs share one refresh here, too.
 */
export class LocalStorageStore extends BrowserOwners implements Store {
  readonly identity: string;
  readonly shared = true;
  readonly #prefix: string;

  constructor(prefix = "rekindle") {
    super(`rekindle-local:${prefix}`);
    this.#prefix = prefix;
    this.identity = `localstorage:${prefix}`;
  }

  async load(key: string): Promise<Stored | undefined> {
    return this.#read(this.#name(key));
  }

  async save(key: string, record: string, expected: Expected): Promise<string | undefined> {
    await this.locks.announced();
    // The lock makes comparing and writing atomic among tabs; it is held only meanwhile.
    return exclusively(`${this.identity}:${key}`, () => {
      const name = this.#name(key);
      if (!fits(this.#read(name), expected)) return undefined;
      const version = newVersion();
      write(name, JSON.stringify({ record, version }));
      return version;
    });
  }

  watch(changed: (key?: string) => void): () => void {
    // The browser notifies the other tabs of each write.
    const hear = ({ key, storageArea }: StorageEvent) => {
      const mine = key === null || key.startsWith(`${this.#prefix}:`);
      if (storageArea === storage() && mine) changed(key?.slice(this.#prefix.length + 1));
    };
    const page = globalThis.window;
    page?.addEventListener("storage", hear);
    return () => page?.removeEventListener("storage", hear);
  }

  #name(key: string): string {
    return `${this.#prefix}:${key}`;
  }

  #read(name: string): Stored | undefined {
    const text = storage().getItem(name);
    if (text === null) return undefined;
    try {
      const { record, version } = JSON.parse(text) as Partial<Stored>;
      if (typeof record === "string" && typeof version === "string") return { record, version };
    } catch {
      // Told below.
    }
    throw new StoreError(`localStorage["${name}"] holds something else: give LocalStorageStore another prefix, or remove it`);
  }
}

/** The `localStorage` items in which an application without rekindle kept its tokens. */
export interface KeptTokens {
  accessToken?: string;
  refreshToken?: string;
  /** A number of milliseconds since 1970, or a date as text. */
  expiresAt?: string;
}

/**
 * Reads existing tokens from `localStorage`, by the names of their items. Pass them as `tokens`: a session uses them once, and not
 * again after a sign-out, so they may stay there until no older version of the page needs them.
 *
 * ```js
 * const tokens = tokensFromLocalStorage({ accessToken: "access_token", refreshToken: "refresh_token" });
 * const session = new Session({ tokens, store: new BrowserStore("my-app"), tokenUrl, origins });
 * ```
 */
export function tokensFromLocalStorage(names: KeptTokens): Tokens | undefined {
  const read = (name: string | undefined) => (name === undefined ? undefined : (storage().getItem(name) ?? undefined));
  const [accessToken, refreshToken, ends] = [read(names.accessToken), read(names.refreshToken), read(names.expiresAt)];
  if (accessToken === undefined && refreshToken === undefined) return undefined;
  const tokens: Tokens = {};
  if (accessToken !== undefined) tokens.accessToken = accessToken;
  if (refreshToken !== undefined) tokens.refreshToken = refreshToken;
  const time = ends === undefined ? Number.NaN : /^\d+$/.test(ends) ? Number(ends) : Date.parse(ends);
  if (!Number.isNaN(time)) tokens.expiresAt = time;
  return tokens;
}

function storage(): Storage {
  try {
    // Reading the property throws where cookies are blocked; workers have none.
    if (globalThis.localStorage) return globalThis.localStorage;
  } catch (error) {
    throw new StoreError(`localStorage: ${String(error)}; the browser refuses storage here (blocked cookies, a sandboxed frame): allow it, or give no store`);
  }
  throw new StoreError("there is no localStorage here (a worker?): use BrowserStore, or a store of your own");
}

function write(name: string, text: string): void {
  try {
    storage().setItem(name, text);
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError(`localStorage: ${String(error)}; it is full: free some of it, or use BrowserStore`);
  }
}

async function exclusively<T>(name: string, work: () => T): Promise<T> {
  const locks = globalThis.navigator?.locks as LockManager | undefined;
  if (!locks) return work();
  return await locks.request(name, async () => {
    const done = work();
    if (done !== undefined) await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
    return done;
  });
}
