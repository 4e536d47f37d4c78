import type { Expected, Store, Stored } from "./store.js";

/** Keeps records in this process, one for each key. */
export class MemoryStore implements Store {
  readonly identity: string | undefined;
  readonly shared = false;
  readonly #records = new Map<string, Stored>();
  #saves = 0;

  /** `identity`: sessions with the same one and the same settings share their state. */
  constructor(identity?: string) {
    this.identity = identity;
  }

  async load(key: string): Promise<Stored | undefined> {
    return this.#records.get(key);
  }

  async save(key: string, record: string, expected: Expected): Promise<string | undefined> {
    const now = this.#records.get(key);
    if ("absent" in expected && now) return undefined;
    if ("version" in expected && now?.version !== expected.version) return undefined;
    this.#saves += 1;
    const version = String(this.#saves);
    this.#records.set(key, { record, version });
    return version;
  }

  async keys(): Promise<string[]> {
    return [...this.#records.keys()];
  }

  toJSON(): object {
    return {};
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "MemoryStore {}";
  }
}
