import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

import { invalid, RekindleError } from "./errors.js";
import { DamagedRecord, type Expected, type Store, StoreError, type Stored } from "./store.js";

/**
 * Keeps the tokens in a file that processes of one machine share, in whatever language they are written: Python, Go, Rust and the
 * command `rekindle` read the same file and take part in the same refresh. For Node, Bun and Deno; it needs the package
 * `rekindle-file-store`.
 *
 * ```js
 * import { FileStore } from "rekindle/file-store";
 *
 * const session = new Session({ tokenUrl, clientId, origins, store: new FileStore("state/session.json") });
 * ```
 *
 * Killing a process at any instruction leaves the old record or the new one. Only what is this user's own is read or written, mode
 * 0600. The file system must have working locks: most network shares do, some don't and say so.
 */
export class FileStore implements Store {
  readonly identity: string;
  readonly shared = true;
  /** Beside the record, in a file that ends in `.client`. */
  readonly clients = true;
  readonly keyed: boolean;
  readonly #files: Files;

  /** One record at `path`, for one session. Missing folders are made by the first save. `folder`: see `FileStore.folder`. */
  constructor(path: string | URL, { folder = false }: { folder?: boolean } = {}) {
    const place = path instanceof URL ? fromUrl(path) : path;
    if (typeof place !== "string" || place === "" || place.includes("\0")) throw invalid("path must be the path of a file, as text or a file: URL");
    this.#files = new (native().Files)(place, folder);
    this.identity = this.#files.path;
    this.keyed = folder;
  }

  /** A folder with a file for each key: for an `App`. */
  static folder(path: string | URL): FileStore {
    return new FileStore(path, { folder: true });
  }

  /** The path of the file or folder, with links resolved. */
  get path(): string {
    return this.identity;
  }

  async load(key: string): Promise<Stored | undefined> {
    const { record, version } = given(await this.#files.load(key));
    return version == null ? undefined : { record: record ?? "", version };
  }

  async save(key: string, record: string, expected: Expected): Promise<string | undefined> {
    const version = "absent" in expected ? "" : "version" in expected ? expected.version : null;
    return given(await this.#files.save(key, record, version)).version ?? undefined;
  }

  /** Returns the keys of a folder. */
  async keys(): Promise<string[]> {
    return given(await this.#files.keys()).keys ?? [];
  }

  announce(key: string, owner: string): Promise<void> {
    return this.#files.announce(key, owner);
  }

  retire(key: string, owner: string): Promise<void> {
    return this.#files.retire(key, owner);
  }

  owner(key: string, owner: string): Promise<"alive" | "dead" | "unknown"> {
    return this.#files.owner(key, owner);
  }

  toJSON(): object {
    return { path: this.path };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `FileStore(${JSON.stringify(this.path)})`;
  }
}

/** What the addon exports: `bindings/node/src/lib.rs`. */
interface Native {
  Files: new (path: string, folder: boolean) => Files;
}

interface Files {
  readonly path: string;
  load(key: string): Promise<Answer>;
  /** `version`: empty where there must be none, null where there may be any. */
  save(key: string, record: string, version: string | null): Promise<Answer>;
  keys(): Promise<Answer>;
  announce(key: string, owner: string): Promise<void>;
  retire(key: string, owner: string): Promise<void>;
  owner(key: string, owner: string): Promise<"alive" | "dead" | "unknown">;
}

interface Answer {
  record?: string | null;
  version?: string | null;
  keys?: string[] | null;
  unavailable?: string | null;
  damaged: boolean;
}

function given(answer: Answer): Answer {
  if (answer.unavailable == null) return answer;
  throw new (answer.damaged ? DamagedRecord : StoreError)(answer.unavailable);
}

let loaded: Native | undefined;

function native(): Native {
  if (loaded) return loaded;
  try {
    return (loaded = createRequire(import.meta.url)("rekindle-file-store") as Native);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const missing = code === "MODULE_NOT_FOUND" && message.includes("'rekindle-file-store'");
    const advice = missing
      ? "FileStore needs the package rekindle-file-store: npm install rekindle-file-store"
      : `rekindle-file-store has no addon that loads here (${process.platform}, ${process.arch}): use another store, or build it from source (cargo build -p rekindle-node)`;
    throw new RekindleError({ kind: "InvalidConfig", message: advice }, { cause: error });
  }
}

function fromUrl(url: URL): string {
  if (url.protocol !== "file:") throw invalid(`path must be the path of a file or a file: URL, not ${url.protocol}`);
  return fileURLToPath(url);
}
