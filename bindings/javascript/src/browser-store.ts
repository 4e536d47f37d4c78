import { BrowserOwners } from "./browser-owners.js";
import { Wakeup } from "./browser-wakeup.js";
import { type Expected, fits, newVersion, type Store, StoreError, type Stored } from "./store.js";

const RECORDS = "records";
/** In milliseconds. Safari has been seen never to answer an open request. */
const PATIENCE = 10_000;
const ADVICE = "without a store the tokens are kept in memory, for this page alone";

/**
 * Keeps the tokens in IndexedDB: all tabs, workers and service workers of the origin share them and refresh once.
 *
 * ```js
 * const session = new Session({ tokenUrl, clientId, origins, store: new BrowserStore("my-app") });
 * ```
 *
 * A script that runs in the page can read IndexedDB, as it can read `localStorage`. Where the server can keep the refresh token in
 * an `HttpOnly` cookie, say so in the dialect (`{ refresh_token: { credential: "cookie" } }`), or see `cookieRefresh`.
 */
export class BrowserStore extends BrowserOwners implements Store {
  readonly identity: string;
  readonly shared = true;
  readonly #name: string;
  readonly #wakeup: Wakeup;
  #database: Promise<IDBDatabase> | undefined;

  /** `name`: of the database, one for each app of the origin. */
  constructor(name = "rekindle") {
    super(`rekindle:${name}`);
    this.#name = name;
    this.identity = `indexeddb:${name}`;
    this.#wakeup = new Wakeup(`rekindle:${name}`);
  }

  async load(key: string): Promise<Stored | undefined> {
    return this.#inTransaction("readonly", (records, give) => {
      const read: IDBRequest<Stored | undefined> = records.get(key);
      read.onsuccess = () => give(read.result && { record: read.result.record, version: read.result.version });
    });
  }

  async save(key: string, record: string, expected: Expected): Promise<string | undefined> {
    // A reader of the lease must see that its owner is alive.
    await this.locks.announced();
    const version = newVersion();
    const saved = await this.#inTransaction<string | undefined>("readwrite", (records, give) => {
      const read: IDBRequest<Stored | undefined> = records.get(key);
      read.onsuccess = () => {
        if (!fits(read.result, expected)) return give(undefined);
        records.put({ record, version }, key);
        give(version);
      };
    });
    if (saved !== undefined) this.#wakeup.tell(key);
    return saved;
  }

  async keys(): Promise<string[]> {
    return this.#inTransaction("readonly", (records, give) => {
      const read = records.getAllKeys();
      read.onsuccess = () => give(read.result.map(String));
    });
  }

  watch(changed: (key?: string) => void): () => void {
    return this.#wakeup.watch(changed);
  }

  /** Runs `work` in one transaction and returns its result once the transaction is durable. A lost connection is reopened. */
  async #inTransaction<T>(mode: IDBTransactionMode, work: (records: IDBObjectStore, give: (value: T) => void) => void): Promise<T> {
    for (let tries = 1; ; tries++) {
      const opened = this.#open();
      try {
        return await transact(await opened, mode, work);
      } catch (error) {
        if (this.#database === opened) this.#database = undefined;
        // If the save did go through, the second try conflicts, and the core recognizes its own record.
        if (tries > 1 || isFinal(error)) throw explained(error);
      }
    }
  }

  #open(): Promise<IDBDatabase> {
    const lost = () => {
      if (this.#database === opened) this.#database = undefined;
    };
    const opened = (this.#database ??= open(this.#name, () => lost()));
    return opened;
  }
}

function open(name: string, lost: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    // In some sandboxes reading the property throws; where there is none, `open` of undefined would say nothing of that.
    if (!globalThis.indexedDB) throw new ReferenceError("it is not there");
    const opening = indexedDB.open(name, 1);
    let given = false;
    const late = setTimeout(() => ((given = true), reject(new DOMException("it does not open", "TimeoutError"))), PATIENCE);
    opening.onupgradeneeded = () => opening.result.createObjectStore(RECORDS);
    opening.onerror = () => (clearTimeout(late), reject(opening.error));
    opening.onsuccess = () => {
      clearTimeout(late);
      const database = opening.result;
      if (given) return database.close();
      // Browsers close the connections of pages in the background; another page may want to delete the database.
      database.onclose = lost;
      database.onversionchange = () => (database.close(), lost());
      resolve(database);
    };
  });
}

function transact<T>(
  database: IDBDatabase,
  mode: IDBTransactionMode,
  work: (records: IDBObjectStore, give: (value: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    // A refresh token that was replaced is gone at the server: the new one must survive a power failure.
    const transaction = database.transaction(RECORDS, mode, { durability: "strict" });
    let given: { value: T } | undefined;
    transaction.oncomplete = () => (given ? resolve(given.value) : reject(new DOMException("nothing was read", "UnknownError")));
    transaction.onabort = () => reject(transaction.error ?? new DOMException("the transaction was aborted", "AbortError"));
    work(transaction.objectStore(RECORDS), (value) => (given = { value }));
  });
}

const FINAL = new Set(["QuotaExceededError", "SecurityError", "NotFoundError", "VersionError", "TimeoutError", "ReferenceError"]);

function isFinal(error: unknown): boolean {
  return FINAL.has((error as Error | null)?.name ?? "");
}

function explained(error: unknown): StoreError {
  const { name, message } = (error ?? {}) as { name?: string; message?: string };
  const what = `IndexedDB: ${name ?? "error"}: ${message ?? String(error)}`;
  switch (name) {
    case "QuotaExceededError":
      return new StoreError(`${what}; the disk, or this origin's share of it, is full: free some of it (navigator.storage.estimate())`);
    case "SecurityError":
    case "InvalidStateError":
    case "ReferenceError":
    case "TypeError":
      return new StoreError(`${what}; the browser refuses storage here (blocked cookies, a sandboxed frame, private mode): allow it, or give no store: ${ADVICE}`);
    case "NotFoundError":
    case "VersionError":
      return new StoreError(`${what}; the database belongs to something else: give BrowserStore another name`);
    default:
      return new StoreError(what);
  }
}
