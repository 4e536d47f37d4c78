import type { Driver } from "./driver.js";
import type { Token } from "./token.js";

/** The header for requests to an origin, as the core last returned it. */
interface Known {
  tag: number;
  name: string;
  value: string;
}

/** The limit of remembered origins. */
const MOST = 64;

/**
 * Requests that need no turn of the core, because the origin has accepted the current token: see "What needs no turn" in ABI.md. This
 * class only remembers what the core returned.
 */
export class Quick {
  readonly #origins = new Map<string, Known>();

  constructor(
    readonly driver: Driver,
    readonly session: number,
    readonly token: () => Token | undefined,
  ) {}

  /** Returns the header for a request to this origin; `undefined` if the core must be called. */
  header(origin: string): Known | undefined {
    const known = this.#origins.get(origin);
    return known && known.tag === this.driver.tag(this.session) ? known : undefined;
  }

  /** Remembers the headers of a request to this origin that was accepted. */
  learn(origin: string, headers: [string, string][]): void {
    const [header, more] = headers;
    const token = this.token();
    // A DPoP proof is valid for one request only; and the token may have changed since.
    if (!header || more || !token || header[1] !== token.authorization || header[0] !== token.header) return;
    if (this.#origins.size >= MOST) this.#origins.clear();
    this.#origins.set(origin, { tag: this.driver.tag(this.session), name: header[0], value: header[1] });
  }

  forget(origin: string): void {
    this.#origins.delete(origin);
  }
}

/** @internal Returns `scheme://host:port` of an absolute http(s) URL; `undefined` for any other. */
export function originOf(url: string): string | undefined {
  const end = url.indexOf("/", url.indexOf("//") + 2);
  const origin = end < 0 ? url : url.slice(0, end);
  // Unusual URLs (user names, spaces, backslashes, tabs) go through the core.
  return /^https?:\/\/[\w.:[\]-]+$/.test(origin) ? origin : undefined;
}
