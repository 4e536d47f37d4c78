import { Body } from "./body.js";
import type { Driver } from "./driver.js";
import { invalid, RekindleError } from "./errors.js";
import { Pending, whole } from "./answer.js";
import { type Document, type GraphqlResult, type GraphqlVariables, documentText } from "./graphql.js";
import { type ClientOptions, clientSettings, onlyKnown, type RequestOptions, REQUEST_OPTIONS, requestTimeout } from "./client-options.js";
import { exchange, type Plan } from "./request.js";
import { baseOf, checkOutside, insideOf, type Session } from "./session.js";

interface Ready {
  driver: Driver;
  number: number;
  maxBodyBytes: number;
}

const abandoned = new FinalizationRegistry<Ready>(({ driver, number }) => {
  driver.forget(number, { do: "forget_client", client: number });
});

/**
 * An HTTP client on a session: paths below a base URL, JSON, GraphQL, one deadline, and retries of transient failures.
 *
 * ```js
 * const client = new Client(session, { baseUrl: "https://api.example.com/v1" });
 * const pupils = await client.get("/pupils", { query: { class: "4b" } }).json();
 * await client.post("/pupils", { json: { name: "Ada" } }).ok();
 * ```
 */
export class Client {
  readonly session: Session;
  readonly #ready: Promise<Ready> | Ready;
  readonly #print: ((document: object) => string) | undefined;

  constructor(session: Session, options: ClientOptions = {}) {
    const settings = clientSettings(options);
    this.session = session;
    this.#print = options.print;
    const make = ({ driver, number: session }: { driver: Driver; number: number }): Ready => {
      const number = driver.number();
      const message = () => ({ do: "client", client: number, session, settings });
      const shown = driver.make<{ max_body_bytes: number }>(number, { message });
      const ready = { driver, number, maxBodyBytes: shown.max_body_bytes };
      abandoned.register(this, ready);
      return ready;
    };
    const inside = insideOf(session);
    this.#ready = inside instanceof Promise ? inside.then(make) : make(inside);
    if (this.#ready instanceof Promise) this.#ready.catch(() => undefined);
    this.fetch = this.fetch.bind(this);
  }

  get(path: string | URL, options?: RequestOptions): Pending {
    return this.request("GET", path, options);
  }

  post(path: string | URL, options?: RequestOptions): Pending {
    return this.request("POST", path, options);
  }

  put(path: string | URL, options?: RequestOptions): Pending {
    return this.request("PUT", path, options);
  }

  patch(path: string | URL, options?: RequestOptions): Pending {
    return this.request("PATCH", path, options);
  }

  delete(path: string | URL, options?: RequestOptions): Pending {
    return this.request("DELETE", path, options);
  }

  head(path: string | URL, options?: RequestOptions): Pending {
    return this.request("HEAD", path, options);
  }

  /** Sends a request with any method. Awaiting it gives the `Response`; `.json()`, `.text()`, `.bytes()` and `.ok()` reject if the status is 400 or above. */
  request(method: string, path: string | URL, options: RequestOptions = {}): Pending {
    return new Pending(this.#send(method, path, options, "any"));
  }

  /** Like `fetch`, with this client's base URL, deadline and retries. */
  async fetch(input: RequestInfo | URL, init: RequestInit & Pick<RequestOptions, "timeout" | "streamed"> = {}): Promise<Response> {
    const request = input instanceof Request ? input : undefined;
    const { method = request?.method ?? "GET", ...rest } = init;
    const options = (request ? fromRequest(request, rest) : rest) as RequestOptions;
    return this.#send(method, request ? request.url : (input as string | URL), options, "any", new Body(input, init));
  }

  /** Sends a GraphQL operation. Returns its data; rejects with the kind `GraphQL` if the response has errors. */
  async graphql<D extends Document>(
    document: D,
    ...[variables, options = {}]: GraphqlVariables<D>
  ): Promise<GraphqlResult<D>> {
    const query = documentText(document, this.#print);
    const headers = ownHeaders(options.headers);
    if (!headers.has("accept")) headers.set("accept", "application/graphql-response+json, application/json;q=0.9");
    const response = await this.#send("POST", undefined, { ...options, headers, json: { query, variables } }, "graphql");
    const answer = (await response.json()) as { data: GraphqlResult<D> };
    return answer.data;
  }

  toJSON(): object {
    return {};
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "Client {}";
  }

  async #send(
    method: string,
    path: string | URL | undefined,
    options: RequestOptions,
    reading: "any" | "graphql",
    given?: Body,
  ): Promise<Response> {
    checkOutside(this.session);
    if (!given) onlyKnown("", options, REQUEST_OPTIONS);
    const { driver, number: client, maxBodyBytes } = await this.#ready;
    const { body, headers } = given ? { body: given, headers: ownHeaders(options.headers) } : content(options);
    if (options.idempotencyKey !== undefined) headers.set("idempotency-key", options.idempotencyKey);
    const { signal: own, redirect, streamed } = options;
    own?.throwIfAborted();
    const number = driver.number();
    const deadline = new AbortController();
    const abort = () => deadline.abort(own?.reason);
    own?.addEventListener("abort", abort, { once: true });
    const forget = driver.watch(number, (error) => deadline.abort(error));
    const end = () => {
      own?.removeEventListener("abort", abort);
      forget();
    };
    const plan: Plan = {
      owner: { client },
      number,
      method: METHODS.has(method.toUpperCase()) ? method.toUpperCase() : method,
      url: path === undefined ? undefined : withQuery(String(path), options.query),
      own: body.headers(headers),
      body,
      init: passed(options),
      redirect: redirect ?? "follow",
      mostRedirects: Number.POSITIVE_INFINITY,
      signal: deadline.signal,
      timeout: requestTimeout(options.timeout),
      reading: streamed ? "streamed" : reading,
    };
    let response: Response;
    try {
      response = await exchange(driver, baseOf(this.session), plan);
    } catch (error) {
      end();
      throw error;
    }
    return whole(response, { driver, number, maxBodyBytes, streamed: streamed ?? false, end, deadline: deadline.signal });
  }
}

/** The methods that fetch converts to upper case. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]);

function fromRequest(request: Request, init: RequestInit): RequestInit {
  const { headers, cache, credentials, integrity, keepalive, redirect, referrerPolicy, signal } = request;
  return { headers, cache, credentials, integrity, keepalive, redirect, referrerPolicy, signal, ...init };
}

/** The other options that are passed to fetch. */
function passed(options: RequestOptions): RequestInit {
  const init: Record<string, unknown> = {};
  for (const name of ["cache", "credentials", "integrity", "keepalive", "mode", "priority", "referrer", "referrerPolicy"] as const) {
    const value = (options as Record<string, unknown>)[name];
    if (value !== undefined && value !== "") init[name] = value;
  }
  return init as RequestInit;
}

function content(options: RequestOptions): { body: Body; headers: Headers } {
  const { json, form, body } = options;
  if ([json, form, body ?? undefined].filter((one) => one !== undefined).length > 1) {
    throw invalid("a request has one body: give json, form or body");
  }
  const headers = ownHeaders(options.headers);
  if (form !== undefined) return { body: new Body("", { body: new URLSearchParams(form) }), headers };
  if (json === undefined) return { body: new Body("", body == null ? undefined : { body }), headers };
  if (!headers.has("content-type")) headers.set("content-type", "application/json");
  return { body: new Body("", { body: toJson(json) }), headers };
}

function toJson(json: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(json);
  } catch (error) {
    throw new RekindleError({ kind: "InvalidConfig", message: "json cannot be written as JSON: leave out circles and BigInts" }, { cause: error });
  }
  if (text === undefined) throw invalid("json cannot be written as JSON: it is a function or a symbol");
  return text;
}

/** Errors name the header, never its value. */
function ownHeaders(given: RequestOptions["headers"]): Headers {
  if (given === undefined || given instanceof Headers) return new Headers(given);
  const pairs = Array.isArray(given) ? given : Object.entries(given);
  const headers = new Headers();
  for (const [name, value] of pairs as [string, unknown][]) {
    if (value === undefined) continue;
    if (typeof value !== "string" && typeof value !== "number") throw invalid(`header ${name} must be text, it is ${value === null ? "null" : typeof value}`);
    try {
      headers.append(name, String(value));
    } catch {
      throw invalid(`header ${name} cannot be sent: a name has letters, digits and hyphens, a value no line breaks`);
    }
  }
  return headers;
}

function withQuery(path: string, query: RequestOptions["query"]): string {
  if (query === undefined) return path;
  const pairs = query instanceof URLSearchParams ? query : new URLSearchParams();
  if (!(query instanceof URLSearchParams)) {
    for (const [name, value] of Object.entries(query)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== undefined && one !== null) pairs.append(name, String(one));
      }
    }
  }
  const text = pairs.toString();
  if (text === "") return path;
  const [before = "", ...fragment] = path.split("#");
  const joint = !before.includes("?") ? "?" : before.endsWith("?") || before.endsWith("&") ? "" : "&";
  return [before + joint + text, ...fragment].join("#");
}
