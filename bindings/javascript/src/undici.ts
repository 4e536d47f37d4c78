import { asText } from "./effects.js";
import { Early } from "./undici-early.js";
import type { Handler, RawHeaders } from "./undici-handler.js";
import type { Driver } from "./driver.js";
import { invalid, RekindleError, type Verdict } from "./errors.js";
import type { Judged } from "./request.js";
import { originOf, type Quick } from "./quick.js";
import { insideOf, type Session } from "./session.js";

interface Options {
  path: string;
  origin?: string | URL;
  method: string;
  headers?: unknown;
  body?: unknown;
  signal?: unknown;
  headersTimeout?: number | null;
}

type Dispatch = (options: Options, handler: Handler) => boolean;

/** The core judges no more of a body. */
const JUDGED = 8 * 1024 * 1024;

/** What a request said about the token, and where it went. */
export interface JudgedRequest extends Judged {
  readonly method: string;
  readonly origin: string;
  readonly path: string;
  readonly status: number;
}

/**
 * An interceptor for undici: `new Agent().compose(interceptor(session), interceptors.redirect())`. Requests to the session's origins carry its
 * token, and are sent again with a new one where that is safe. It follows no redirects: undici's own interceptor comes after it in `compose`;
 * before it, it would take our headers along, and its hops are not sent (`InvalidConfig`).
 *
 * `onJudged` hears what each response said about the token, and why its request was not sent again.
 */
// biome-ignore lint: undici's types differ from version to version
export function interceptor(session: Session, { onJudged }: { onJudged?: (judged: JudgedRequest) => void } = {}): (dispatch: any) => any {
  return (dispatch: Dispatch): Dispatch =>
    (options, handler) => {
      const inside = insideOf(session);
      if (inside instanceof Promise || options.origin === undefined) {
        void Promise.resolve(inside).then(
          ({ driver, number, quick }) => new Request(driver, number, quick, dispatch, options, handler, onJudged).begin(),
          (error: Error) => handler.onResponseError?.(undefined, asUndici(error)),
        );
        return true;
      }
      return new Request(inside.driver, inside.number, inside.quick, dispatch, options, handler, onJudged).start();
    };
}

interface Signed {
  headers: [string, string][];
  reads_success: boolean;
  quick: boolean;
}

type Next = ({ next: "send_again" } & Pick<Signed, "headers">) | { next: "keep"; verdict: Verdict | null; replay_refused: string | null };

/** A response that is held back until it is judged. */
interface HeldResponse {
  status: number;
  headers: RawHeaders;
  message: string | undefined;
  chunks: Uint8Array[];
  length: number;
}

/** One request, over all its sends. */
class Request implements Handler {
  readonly #origin: string;
  readonly #number: number;
  #tag: number | undefined;
  #signed: Signed | undefined;
  #begun = false;
  #held: HeldResponse | undefined;
  #passes = false;

  constructor(
    readonly driver: Driver,
    readonly session: number,
    readonly quick: Quick,
    readonly dispatch: Dispatch,
    readonly options: Options,
    readonly handler: Handler,
    readonly onJudged: ((judged: JudgedRequest) => void) | undefined,
  ) {
    const { origin } = options;
    this.#origin = typeof origin === "string" ? origin : String(origin);
    this.#number = driver.number();
  }

  /** Sends at once if the core need not be called. */
  start(): boolean {
    const known = this.quick.header(originOf(this.#origin) ?? "");
    const own = recordOf(this.options.headers);
    if (!known || this.#has(own, known.name)) {
      void this.begin();
      return true;
    }
    this.#tag = known.tag;
    const headers = own ? { ...own, [known.name]: known.value } : withHeaders(this.options.headers, [[known.name, known.value]]);
    const early = typeof this.handler.onHeaders === "function" ? new Early(this.handler, this) : this;
    return this.dispatch({ ...this.options, headers }, early);
  }

  async begin(): Promise<void> {
    try {
      await this.#begin();
      this.#send(this.#signed?.headers ?? []);
    } catch (error) {
      this.#end();
      this.handler.onResponseError?.(undefined, asUndici(error as Error));
    }
  }

  onRequestStart(controller: unknown, context: unknown): void {
    const refusal = this.refusal(context);
    if (refusal) return (controller as { abort(reason: Error): void }).abort(refusal);
    this.handler.onRequestStart?.(controller, context);
  }

  /** An interceptor below follows redirects: it would send the token to any target (spec 9.5). */
  refusal(context: unknown): Error | undefined {
    const history = (context as { history?: unknown[] } | undefined)?.history;
    return history?.length && this.#signs ? asUndici(invalid(BELOW)) : undefined;
  }

  onRequestUpgrade(controller: unknown, status: number, headers: RawHeaders, socket: unknown): void {
    this.#end();
    this.handler.onRequestUpgrade?.(controller, status, headers, socket);
  }

  onResponseStart(controller: unknown, status: number, headers: RawHeaders, message?: string): void {
    if (status >= 200 && status < 300 && (!this.#begun || !this.#signed?.reads_success)) {
      this.#passes = true;
      if (this.#begun) void this.#accepted(status, headers);
      else this.accepted(status);
      this.#begun = false;
      return this.handler.onResponseStart?.(controller, status, headers, message);
    }
    if (status < 200) return this.handler.onResponseStart?.(controller, status, headers, message);
    this.#held = { status, headers, message, chunks: [], length: 0 };
  }

  onResponseData(controller: unknown, chunk: Uint8Array): void {
    const held = this.#held;
    if (!held || this.#passes) return this.handler.onResponseData?.(controller, chunk);
    held.chunks.push(chunk);
    held.length += chunk.length;
    if (held.length > JUDGED) {
      // Longer than any response that reports a rejected token.
      this.#passes = true;
      this.#give(controller, held);
    }
  }

  onResponseEnd(controller: unknown, trailers: RawHeaders): void {
    const held = this.#held;
    if (!held || this.#passes) {
      this.#end();
      return this.handler.onResponseEnd?.(controller, trailers);
    }
    this.#held = undefined;
    void this.#judge(controller, held, trailers);
  }

  onResponseError(controller: unknown, error: Error): void {
    this.#end();
    this.handler.onResponseError?.(controller, error);
  }

  async #judge(controller: unknown, held: HeldResponse, trailers: RawHeaders): Promise<void> {
    try {
      if (!this.#begun) await this.#begin(this.#tag);
      const body = Buffer.concat(held.chunks);
      const next = await this.driver.call<Next>({ do: "answered", request: this.#number, status: held.status, headers: pairs(held.headers), ...asText(body) });
      if (next.next === "send_again") return this.#send(next.headers);
      this.#tell(held.status, next);
      // A redirect to the login page: without Location undici's redirect interceptor hands it out (spec 2.11).
      if (next.verdict && next.verdict.name !== "accepted" && held.status < 400) held.headers = withoutLocation(held.headers);
      if (this.#signed?.quick && next.verdict?.name === "accepted" && held.status < 300) this.quick.learn(originOf(this.#origin) ?? "", this.#signed?.headers ?? []);
    } catch (error) {
      this.#end();
      return this.handler.onResponseError?.(controller, asUndici(error as Error));
    }
    this.#end();
    this.#give(controller, held);
    this.handler.onResponseEnd?.(controller, trailers);
  }

  async #accepted(status: number, headers: RawHeaders): Promise<void> {
    const told = { do: "answered", request: this.#number, status, headers: pairs(headers), body: "" };
    const next = await this.driver.call<Next>(told).catch(() => undefined);
    if (next?.next === "keep") this.#tell(status, next);
    this.driver.send({ do: "end", request: this.#number });
    if (this.#signed?.quick && next?.next === "keep" && next.verdict?.name === "accepted") this.quick.learn(originOf(this.#origin) ?? "", this.#signed?.headers ?? []);
  }

  /** Reports an accepted response to a request that was sent without the core. */
  accepted(status: number): void {
    if (this.onJudged) this.#tell(status, { verdict: { name: "accepted" }, replay_refused: null });
  }

  #tell(status: number, { verdict, replay_refused }: { verdict: Verdict | null; replay_refused: string | null }): void {
    const { method, path } = this.options;
    const judged = { verdict: verdict ?? undefined, replayRefused: replay_refused ?? undefined, redirects: 0 };
    this.onJudged?.({ ...judged, method, origin: this.#origin, path, status });
  }

  /** Whether a header of the session is sent. */
  get #signs(): boolean {
    return this.#signed === undefined || this.#signed.headers.length > 0;
  }

  #give(controller: unknown, { status, headers, message, chunks }: HeldResponse): void {
    this.handler.onResponseStart?.(controller, status, headers, message);
    for (const chunk of chunks) this.handler.onResponseData?.(controller, chunk);
  }

  async #begin(sentWith?: number): Promise<void> {
    const { path, method, body, headersTimeout } = this.options;
    this.quick.forget(originOf(this.#origin) ?? "");
    const begin = {
      do: "begin",
      session: this.session,
      request: this.#number,
      method,
      url: this.#origin.replace(/\/$/, "") + path,
      headers: given(this.options.headers),
      body: known(body),
      timeout_ms: headersTimeout ? Math.max(1, Math.round(headersTimeout)) : undefined,
      sent_with: sentWith === undefined ? undefined : sentWith % 2 ** 31,
    };
    this.#signed = await this.driver.call<Signed>(begin, this.#signal);
    this.#begun = true;
  }

  #send(headers: [string, string][]): void {
    this.#passes = false;
    this.dispatch({ ...this.options, headers: withHeaders(this.options.headers, headers) }, this);
  }

  /** undici observes the signal only once the request was dispatched. */
  get #signal(): AbortSignal | undefined {
    const { signal } = this.options;
    return signal instanceof AbortSignal ? signal : undefined;
  }

  /** Whether the request has a header of that name, or a credential header of its own. */
  #has(own: RawHeaders | undefined, name: string): boolean {
    const names = own ? Object.keys(own) : given(this.options.headers).map(([one]) => one);
    return names.some((one) => {
      const lower = one.toLowerCase();
      return lower === name || lower === "authorization";
    });
  }

  #end(): void {
    if (this.#begun) this.driver.send({ do: "end", request: this.#number });
    this.#begun = false;
  }
}

const BELOW =
  "a redirect was followed below this interceptor, and would take the token along: compose undici's redirect interceptor after it, as in compose(interceptor(session), interceptors.redirect())";

/** Marks a session's error as one of undici's: `instanceof errors.UndiciError` holds for it. */
function asUndici(error: Error): Error {
  if (!(error instanceof RekindleError)) return error;
  const added = { [Symbol.for("undici.error.UND_ERR")]: true, code: `UND_ERR_${error.kind.toUpperCase()}` };
  for (const name of Reflect.ownKeys(added)) Object.defineProperty(error, name, { value: Reflect.get(added, name), enumerable: false, configurable: true });
  return error;
}

/** Reads headers in undici's forms: a record, a flat list, or pairs. */
function given(headers: unknown): [string, string][] {
  if (!headers) return [];
  if (Array.isArray(headers) && typeof headers[0] === "string") {
    return headers.flatMap((name, at) => (at % 2 === 0 ? [[String(name), String(headers[at + 1])] as [string, string]] : []));
  }
  if (Symbol.iterator in (headers as object)) return [...(headers as Iterable<[string, string]>)].map(([name, value]) => [String(name), String(value)]);
  return pairs(headers as RawHeaders);
}

function pairs(headers: RawHeaders): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || value === null ? [] : [value].flat().map((one) => [name, String(one)] as [string, string]),
  );
}

function withoutLocation(headers: RawHeaders): RawHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== "location"));
}

function withHeaders(own: unknown, added: [string, string][]): Record<string, string | string[]> {
  const all: Record<string, string | string[]> = {};
  for (const [name, value] of given(own)) {
    const before = all[name];
    all[name] = before === undefined ? value : [before, value].flat();
  }
  for (const [name, value] of added) {
    for (const known of Object.keys(all)) if (known.toLowerCase() === name) delete all[known];
    all[name] = value;
  }
  return all;
}

/** What the core must know about the body: text, bytes and FormData can be sent again. */
function known(body: unknown): string | object {
  if (body === undefined || body === null) return "none";
  if (typeof body === "string") return /^\s*[{[]/.test(body) ? { text: body } : "replayable";
  // undici has a FormData of its own.
  const kind = (body as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  if (kind === "FormData") {
    const operations = (body as FormData).get("operations");
    return typeof operations === "string" ? { text: operations } : "replayable";
  }
  return body instanceof Uint8Array || body instanceof ArrayBuffer || kind === "Blob" || kind === "File" ? "replayable" : "once";
}

/** Returns the headers if they are a record. */
function recordOf(headers: unknown): RawHeaders | undefined {
  if (headers === undefined || headers === null) return {};
  if (typeof headers !== "object" || Array.isArray(headers) || Symbol.iterator in headers) return undefined;
  return headers as RawHeaders;
}
