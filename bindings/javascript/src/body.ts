import { readUpTo } from "./effects.js";

/** The largest body that is searched for a GraphQL operation, in bytes. */
const READABLE = 1024 * 1024;

/** A request's body, which may be sent more than once. */
export class Body {
  readonly #given: BodyInit | null;
  #request: Request | undefined;
  #contentType: string | undefined;
  #state: "none" | "replayable" | "once" | "gone";

  constructor(input: RequestInfo | URL, init: RequestInit | undefined) {
    this.#given = init?.body ?? null;
    this.#request = this.#given === null && input instanceof Request && input.body ? input : undefined;
    if (this.#given !== null) {
      const isStream = typeof this.#given === "object" && (this.#given instanceof ReadableStream || Symbol.asyncIterator in this.#given);
      this.#state = isStream ? "once" : "replayable";
    } else {
      // A Request's body is cloned for each send, so it can be sent again.
      this.#state = this.#request ? "replayable" : "none";
    }
  }

  get some(): boolean {
    return this.#state !== "none";
  }

  get isGone(): boolean {
    return this.#state === "gone";
  }

  /** Returns the request without its body. */
  bare(request: Request): Request {
    if (this.#request) {
      const { method, headers, cache, credentials, integrity, keepalive, mode, redirect, referrerPolicy } = request;
      const init = { method, headers, cache, credentials, integrity, keepalive, redirect, referrerPolicy };
      return new Request(request.url, mode === "navigate" ? init : { ...init, mode });
    }
    return request;
  }

  /** The request's own headers, with the content type that fetch gives this body. */
  headers(headers: Headers): [string, string][] {
    const all = new Headers(headers);
    if (this.#given !== null && this.#state === "replayable" && !all.has("content-type")) {
      if (typeof this.#given === "string") this.#contentType = "text/plain;charset=UTF-8";
      if (this.#given instanceof URLSearchParams) this.#contentType = "application/x-www-form-urlencoded;charset=UTF-8";
      if (this.#given instanceof Blob && this.#given.type) this.#contentType = this.#given.type;
      if (this.#contentType) all.set("content-type", this.#contentType);
    }
    return [...all];
  }

  /** What the core must know about the body: its text, if that may be a GraphQL operation. */
  async known(method: string): Promise<string | object> {
    if (this.#state !== "replayable") return this.#state === "none" ? "none" : "once";
    const text = method === "POST" ? await this.#text() : undefined;
    return text !== undefined && /^\s*[{[]/.test(text) ? { text } : "replayable";
  }

  /** The body for the next send. */
  next(): RequestInit {
    if (this.#state === "none" || this.#state === "gone") return {};
    if (this.#state === "once") {
      this.#state = "gone";
      return { body: this.#given, duplex: "half" } as RequestInit;
    }
    if (!this.#request) return { body: this.#given };
    return { body: this.#request.clone().body, duplex: "half" } as RequestInit;
  }

  drop(): void {
    this.#state = "none";
  }

  async #text(): Promise<string | undefined> {
    const given = this.#given;
    if (typeof given === "string") return given.length <= READABLE ? given : undefined;
    if (given instanceof ArrayBuffer || ArrayBuffer.isView(given)) {
      return given.byteLength <= READABLE ? new TextDecoder().decode(given as ArrayBuffer) : undefined;
    }
    if (given instanceof FormData) {
      const operations = given.get("operations");
      return typeof operations === "string" ? operations : undefined;
    }
    if (this.#request && /json/i.test(this.#request.headers.get("content-type") ?? "")) {
      return asString(await readUpTo(new Response(this.#request.clone().body), READABLE));
    }
    return undefined;
  }
}

function asString(bytes: Uint8Array): string | undefined {
  return bytes.length < READABLE ? new TextDecoder().decode(bytes) : undefined;
}
