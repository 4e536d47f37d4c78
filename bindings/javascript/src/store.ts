/** A record with its version. */
export interface Stored {
  record: string;
  version: string;
}

/** What a record must still be for a save to go through. */
export type Expected = { absent: true } | { version: string } | { anything: true };

/**
 * Keeps one opaque record a key, by compare-and-save. A rejected promise means that the store is unavailable; nothing is lost, and
 * saving is tried again.
 */
export interface Store {
  /** What tells this store from others, without tokens. Sessions with the same identity and settings share one state. */
  readonly identity?: string | undefined;
  /** Whether other processes see the same record. Default: yes. */
  readonly shared?: boolean | undefined;
  /** False where there is room for one record, whatever its key: an `App` is refused then. Default: true. */
  readonly keyed?: boolean | undefined;
  /** Returns the record, or `undefined` if there is none. */
  load(key: string): Promise<Stored | undefined>;
  /** Replaces the record if it is still what was expected, in one step; the new version, or `undefined` where it was not. */
  save(key: string, record: string, expected: Expected): Promise<string | undefined>;
  /** The keys of all records, in no order, for `app.accounts()`. */
  keys?(): Promise<string[]>;
  /** Shows to others that the owner of a refresh lives, until `retire`. */
  announce?(key: string, owner: string): Promise<void>;
  retire?(key: string, owner: string): Promise<void>;
  owner?(key: string, owner: string): Promise<"alive" | "dead" | "unknown">;
  /** Calls back when others may have written, with the key where that is known; gives what ends it. Without it a session learns of it with its next refresh. */
  watch?(changed: (key?: string) => void): () => void;
}

/** The store can't be used. Its message says what to do. */
export class StoreError extends Error {
  override readonly name: string = "StoreError";
}

/** @internal Whether a record is what a save expects. */
export function fits(stored: Stored | undefined, expected: Expected): boolean {
  if ("anything" in expected) return true;
  return "absent" in expected ? stored === undefined : stored?.version === expected.version;
}

/** @internal One that no record ever had: a record may be deleted and written anew. */
export function newVersion(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}

/** A record that could not be read as it is: it reads as damaged until a sign-in. */
export class DamagedRecord extends StoreError {
  override readonly name: string = "DamagedRecord";
}

/** @internal Asks a store what the core wants to know. */
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
