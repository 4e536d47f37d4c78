import { Body } from "./body.js";
import type { Driver } from "./driver.js";
import { exchange } from "./request.js";

/** As fetch counts them. */
const MOST_REDIRECTS = 20;
const METHODS_WITHOUT_BODY = new Set(["GET", "HEAD"]);

/** One request of `session.fetch`. */
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
  const given = init?.method ?? (input instanceof Request ? input.method : "GET");
  const method = request.method === "GET" ? given.toUpperCase() : request.method;
  if (METHODS_WITHOUT_BODY.has(method) && body.some) throw new TypeError("Request with GET/HEAD method cannot have body.");
  const number = driver.number();
  try {
    return await exchange(driver, send, {
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
    });
  } finally {
    driver.send({ do: "end", request: number });
  }
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
