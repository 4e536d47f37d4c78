import type { Driver } from "./driver.js";
import { asText, readUpTo } from "./effects.js";
import { invalid } from "./errors.js";

/** What a response says about the token that was sent. */
export interface Verdict {
  readonly name: string;
  readonly reason?: string;
  readonly scope?: string | null;
  readonly after_ms?: number | null;
}

/** What is known of a response. */
export interface Judged {
  /** `undefined`: the request carried no token of ours. */
  readonly verdict: Verdict | undefined;
  /** Why the request was not sent again, where its token was rejected. */
  readonly replayRefused: string | undefined;
  /** How often it was led on. */
  readonly redirects: number;
}

const judgements = new WeakMap<Response, Judged>();

/** What a response of `session.fetch` says about the token that was sent. */
export function judged(response: Response): Judged | undefined {
  return judgements.get(response);
}

interface Signed {
  headers: [string, string][];
  stay_at_redirects: boolean;
  reads_success: boolean;
}

interface Hop extends Signed {
  own: [string, string][];
  url: string;
  method: string;
  keeps_body: boolean;
  downgrades: boolean;
}

type Next =
  | { next: "send_again"; headers: [string, string][]; stay_at_redirects: boolean }
  | { next: "keep"; verdict: Verdict | null; replay_refused: string | null };

/** As fetch counts them. */
const MOST_REDIRECTS = 20;
/** The core judges no more of a body. */
const JUDGED = 8 * 1024 * 1024;
/** GraphQL is read from a body up to here. */
const READABLE = 1024 * 1024;

/** One request: signed, sent, judged; sent again with a new token, or led on. */
export async function fetchWith(
  driver: Driver,
  session: number,
  send: typeof fetch,
  input: RequestInfo | URL,
  init: RequestInit | undefined,
): Promise<Response> {
  const body = new Body(input, init);
  // As fetch reads it; the body stays out, as it could be read only once.
  const request = new Request(input instanceof Request ? body.bare(input) : input, { ...init, body: null, duplex: undefined } as RequestInit);
  const method = init?.method ?? (input instanceof Request ? input.method : "GET");
  let state = { url: request.url, method: request.method === "GET" ? method.toUpperCase() : request.method, own: body.headers(request.headers) };
  if (METHODS_WITHOUT_BODY.has(state.method) && body.some) throw new TypeError("Request with GET/HEAD method cannot have body.");
  const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
  const number = driver.number();
  try {
    let signed = await driver.call<Signed>(
      { do: "begin", session, request: number, method: state.method, url: state.url, headers: state.own, body: await body.known(state.method) },
      signal,
    );
    for (let redirects = 0; ; ) {
      if (!driver.seesRedirects && request.redirect === "follow" && !signed.stay_at_redirects) {
        throw invalid(
          "here fetch follows redirects unseen, and would take the token's header along to other origins: set redirect to \"error\" or \"manual\"",
        );
      }
      const response = await send(state.url, {
        ...forward(request),
        ...body.next(),
        method: state.method,
        headers: merge(state.own, signed.headers),
        redirect: driver.seesRedirects ? "manual" : request.redirect,
        ...(signal ? { signal } : {}),
      });
      if (response.redirected) driver.send({ do: "followed", request: number, url: response.url });
      const next = await judge(driver, number, response, signed.reads_success, signal);
      if (next.next === "send_again") {
        await response.body?.cancel();
        signed = { ...signed, ...next };
        continue;
      }
      if (request.redirect !== "manual" && isRedirect(response.status)) {
        const hop = await driver.call<Hop | null>(
          { do: "redirected", request: number, status: response.status, headers: [...response.headers] },
          signal,
        );
        if (hop && request.redirect === "error") throw new TypeError("fetch failed: a redirect, and redirect is \"error\"");
        if (hop && ++redirects > MOST_REDIRECTS) throw new TypeError("fetch failed: more than 20 redirects");
        if (hop && !(hop.keeps_body && body.isGone)) {
          await response.body?.cancel();
          if (!hop.keeps_body) body.drop();
          state = hop;
          signed = hop;
          continue;
        }
      }
      if (redirects > 0) Object.defineProperty(response, "redirected", { value: true });
      judgements.set(response, {
        verdict: next.verdict ?? undefined,
        replayRefused: next.replay_refused ?? undefined,
        redirects,
      });
      return response;
    }
  } finally {
    driver.send({ do: "end", request: number });
  }
}

const METHODS_WITHOUT_BODY = new Set(["GET", "HEAD"]);

async function judge(
  driver: Driver,
  request: number,
  response: Response,
  readsSuccess: boolean,
  signal: AbortSignal | null | undefined,
): Promise<Next> {
  const reads = response.status >= 400 || (readsSuccess && mayBeJson(response));
  // A clone, so that the caller can read the body too.
  const bytes = reads && response.body ? await readUpTo(response.clone(), JUDGED) : new Uint8Array();
  // What the browser hides: a redirect that is not to be followed.
  if (response.type === "opaqueredirect") return { next: "keep", verdict: null, replay_refused: null };
  return driver.call<Next>(
    { do: "answered", request, status: response.status, headers: [...response.headers], ...asText(bytes) },
    signal,
  );
}

/** JSON, or what servers call JSON that they mislabel. */
function mayBeJson(response: Response): boolean {
  const type = (response.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  return /^(application\/json|text\/json|.+\+json)$/.test(type) || ["", "text/plain", "text/html", "application/octet-stream"].includes(type);
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/** What fetch takes besides, as the request has it. */
function forward(request: Request): RequestInit {
  const { cache, credentials, integrity, keepalive, mode, referrerPolicy } = request;
  // Node knows some of them in name only.
  const init: RequestInit = { cache, credentials, keepalive };
  if (integrity) init.integrity = integrity;
  if (mode !== "navigate") init.mode = mode;
  if (referrerPolicy) init.referrerPolicy = referrerPolicy;
  return init;
}

/** Ours take the place of those of the same name. */
function merge(own: [string, string][], added: [string, string][]): Headers {
  const headers = new Headers(own);
  for (const [name, value] of added) headers.set(name, value);
  return headers;
}

/** A body that is sent, and perhaps sent again. */
class Body {
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
      // What a Request holds is kept aside while it is sent, and can be sent again.
      this.#state = this.#request ? "replayable" : "none";
    }
  }

  get some(): boolean {
    return this.#state !== "none";
  }

  get isGone(): boolean {
    return this.#state === "gone";
  }

  /** A request without its body. */
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

  /** What the core has to know of it: the text where GraphQL may be in it. */
  async known(method: string): Promise<string | object> {
    if (this.#state !== "replayable") return this.#state === "once" ? "once" : "none";
    const text = method === "POST" ? await this.#text() : undefined;
    return text !== undefined && /^\s*[{[]/.test(text) ? { text } : "replayable";
  }

  /** For one send. */
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
