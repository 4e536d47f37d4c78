import type { Driver } from "./driver.js";
import type { Token } from "./token.js";

/** How requests to an origin are signed, as the core said last. */
interface Known {
  tag: number;
  name: string;
  value: string;
}

/** More origins than a session has. */
const MOST = 64;

/**
 * Requests that need no turn of the core: to an origin that accepted this very token, see "What needs no turn" in ABI.md. What
 * the core said is kept, nothing is decided here.
 */
export class Quick {
  readonly #origins = new Map<string, Known>();

  constructor(
    readonly driver: Driver,
    readonly session: number,
    readonly token: () => Token | undefined,
  ) {}

  /** The header for a request to this origin; nothing where the core must be asked. */
  header(origin: string): Known | undefined {
    const known = this.#origins.get(origin);
    return known && known.tag === this.driver.tag(this.session) ? known : undefined;
  }

  /** An answer from this origin was accepted, to a request that the core signed so. */
  learn(origin: string, headers: [string, string][]): void {
    const [header, more] = headers;
    const token = this.token();
    // A proof of possession is for one request; and the token may have changed since.
    if (!header || more || !token || header[1] !== token.authorization || header[0] !== token.header) return;
    if (this.#origins.size >= MOST) this.#origins.clear();
    this.#origins.set(origin, { tag: this.driver.tag(this.session), name: header[0], value: header[1] });
  }

  forget(origin: string): void {
    this.#origins.delete(origin);
  }
}

/** @internal `scheme://host:port` of a URL that is written so; nothing of a relative one. */
export function originOf(url: string): string | undefined {
  const end = url.indexOf("/", url.indexOf("//") + 2);
  const origin = end < 0 ? url : url.slice(0, end);
  // Anything unusual takes the long way: user names, blanks, backslashes, tabs.
  return /^https?:\/\/[\w.:[\]-]+$/.test(origin) ? origin : undefined;
}
