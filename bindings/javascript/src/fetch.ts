import { Body } from "./body.js";
import type { Driver } from "./driver.js";
import { misuse } from "./errors.js";
import { originOf, type Quick } from "./quick.js";
import { accepted, exchange, type Plan, unlessAborted } from "./request.js";

/** The limit of the fetch standard. */
const MOST_REDIRECTS = 20;
const METHODS_WITHOUT_BODY = new Set(["GET", "HEAD"]);

/** One request of `session.fetch`. */
export async function fetchWith(
  driver: Driver,
  session: number,
  send: typeof fetch,
  quick: Quick,
  input: RequestInfo | URL,
  init: RequestInit | undefined,
): Promise<Response> {
  const body = new Body(input, init);
  const sent = await sendAtOnce(driver, send, quick, body, input, init);
  if (sent?.response.ok) return accepted(sent.response);
  // Parses the options as fetch does; without the body, which could be read only once.
  const request = new Request(input instanceof Request ? body.bare(input) : input, { ...init, body: null, duplex: undefined } as RequestInit);
  const given = init?.method ?? (input instanceof Request ? input.method : "GET");
  const method = request.method === "GET" ? given.toUpperCase() : request.method;
  if (METHODS_WITHOUT_BODY.has(method) && body.some) throw new TypeError("Request with GET/HEAD method cannot have body.");
  const number = driver.number();
  const plan: Plan = {
    owner: { session },
    number,
    method,
    url: request.url,
    own: body.headers(request.headers),
    body,
    init: forward(request),
    redirect: request.redirect,
    mostRedirects: MOST_REDIRECTS,
    signal: init?.signal ?? (input instanceof Request ? input.signal : undefined),
    sent,
  };
  try {
    return await exchange(driver, send, plan, quick);
  } finally {
    driver.send({ do: "end", request: number });
  }
}

/** Sends without calling the core, which is possible for most requests. */
async function sendAtOnce(
  driver: Driver,
  send: typeof fetch,
  quick: Quick,
  body: Body,
  input: RequestInfo | URL,
  init: RequestInit | undefined,
): Promise<Plan["sent"]> {
  // Where fetch follows redirects by itself, the core is called each time.
  if (!driver.seesRedirects || input instanceof Request || (init?.redirect ?? "follow") !== "follow") return undefined;
  const url = typeof input === "string" ? input : input.href;
  const known = quick.header(originOf(url) ?? "");
  if (!known) return undefined;
  const headers = new Headers(init?.headers);
  if (headers.has(known.name) || headers.has("authorization")) return undefined;
  headers.set(known.name, known.value);
  const { signal } = init ?? {};
  const sending = send(input, { ...init, ...body.next(), headers, redirect: "manual" });
  const response = await (signal ? unlessAborted(sending, signal) : sending);
  if (!(response?.headers instanceof Object)) throw misuse("the option fetch gave no Response: return what fetch returns");
  return { tag: known.tag, response };
}

/** The other options of fetch, as the request has them. */
function forward(request: Request): RequestInit {
  const { cache, credentials, integrity, keepalive, mode, referrerPolicy } = request;
  // Node does not implement all of them.
  const init: RequestInit = { cache, credentials, keepalive };
  if (integrity) init.integrity = integrity;
  if (mode !== "navigate") init.mode = mode;
  if (referrerPolicy) init.referrerPolicy = referrerPolicy;
  return init;
}
