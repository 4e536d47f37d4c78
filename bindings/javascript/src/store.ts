/** A record with its version. */
export interface Stored {
  record: string;
  version: string;
}

/** The condition of a save: no record, the record of this version, or none. */
export type Expected = { absent: true } | { version: string } | { anything: true };

/**
 * Keeps one opaque record for each key, with an atomic compare-and-save. A rejected promise means that the store is unavailable; nothing
 * is lost, and saving is tried again.
 */
export interface Store {
  /** Identifies this store; contains no secrets. Sessions with the same identity and settings share one state. */
  readonly identity?: string | undefined;
  /** Whether other processes see the same records. Default: true. */
  readonly shared?: boolean | undefined;
  /** Whether the store keeps a record for each key; an `App` needs that. Default: true. */
  readonly keyed?: boolean | undefined;
  /** Whether a store that is not `keyed` keeps the records of keys that begin with `rekindle.client:` all the same. Default: false. */
  readonly clients?: boolean | undefined;
  /** Returns the record, or `undefined` if there is none. */
  load(key: string): Promise<Stored | undefined>;
  /** Atomically replaces the record if it is still the expected one. Returns the new version, or `undefined` if it was not. */
  save(key: string, record: string, expected: Expected): Promise<string | undefined>;
  /** The keys of all records, in no order, for `app.accounts()`. */
  keys?(): Promise<string[]>;
  /** Announces to other processes that the owner of a refresh is alive, until `retire`. */
  announce?(key: string, owner: string): Promise<void>;
  retire?(key: string, owner: string): Promise<void>;
  owner?(key: string, owner: string): Promise<"alive" | "dead" | "unknown">;
  /** Calls back when another process may have written, with the key if it is known; returns a function that unsubscribes. Without it a session sees other writes at its next refresh. */
  watch?(changed: (key?: string) => void): () => void;
}

/** The store can't be used. The message says what to do. */
export class StoreError extends Error {
  override readonly name: string = "StoreError";
}

/** @internal Whether a record meets a save's condition. */
export function fits(stored: Stored | undefined, expected: Expected): boolean {
  if ("anything" in expected) return true;
  return "absent" in expected ? stored === undefined : stored?.version === expected.version;
}

/** @internal Returns a version that no record ever had: a record may be deleted and written again. */
export function newVersion(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}

/** The stored record can't be read; it counts as damaged until a sign-in replaces it. */
export class DamagedRecord extends StoreError {
  override readonly name: string = "DamagedRecord";
}

/** @internal Carries out a store effect. */
export async function askStore(store: Store, effect: StoreEffect): Promise<object> {
  try {
    switch (effect.effect) {
      case "load": {
        const stored = await store.load(effect.key);
        return stored ? { record: stored.record, version: stored.version } : { record: null };
      }
      case "save": {
        const version = await store.save(effect.key, effect.record, effect.expected);
        return version === undefined ? { conflict: true } : { version };
      }
      case "announce":
        await store.announce?.(effect.key, effect.owner);
        return {};
      case "retire":
        await store.retire?.(effect.key, effect.owner);
        return {};
      case "owner":
        return { owner: (await store.owner?.(effect.key, effect.owner)) ?? "unknown" };
    }
  } catch (error) {
    return { unavailable: error instanceof StoreError ? error.message : withoutSecrets(String(error)), damaged: error instanceof DamagedRecord };
  }
}

/** A database quotes what it was given, and that is a record with tokens in it. */
function withoutSecrets(text: string): string {
  return text.replace(/[\w.~+/=-]{16,}/g, "[..]").slice(0, 500);
}

/** @internal */
export type StoreEffect = { op: number; session: number; key: string } & (
  | { effect: "load" }
  | { effect: "save"; record: string; expected: Expected }
  | { effect: "announce" | "retire" | "owner"; owner: string }
);
