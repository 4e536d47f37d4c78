import type { Driver } from "./driver.js";
import { invalid, RekindleError, type Verdict } from "./errors.js";
import { judgedAs } from "./request.js";
import { insideOf, type Session } from "./session.js";

interface Config {
  url?: string;
  baseURL?: string;
  method?: string;
  headers?: unknown;
  data?: unknown;
  params?: unknown;
  signal?: unknown;
  timeout?: number;
  maxRedirects?: number;
  adapter?: unknown;
  validateStatus?: ((status: number) => boolean) | null;
  beforeRedirect?: ((hop: Hop, ...more: unknown[]) => void) | undefined;
  [marked]?: Attempt;
}

interface AxiosLike {
  getUri(config: Config): string;
  request(config: Config): Promise<unknown>;
  interceptors: {
    request: { use(done: (config: Config) => Promise<Config>): number; eject(number: number): void };
    response: { use(done: (response: AxiosResponse) => unknown, failed: (error: AxiosFailure) => unknown): number; eject(number: number): void };
  };
}

interface AxiosResponse {
  status: number;
  headers: unknown;
  data: unknown;
  config: Config;
  request?: { responseURL?: string; res?: { responseUrl?: string } };
}

interface AxiosFailure {
  response?: AxiosResponse;
  config?: Config;
}

/** A class, as axios copies plain objects of a configuration: each send would have its own. */
class Attempt {
  /** It was led to another origin. */
  left = false;
  /** The redirect that is not followed. */
  stayed?: Redirect;

  constructor(
    readonly number: number,
    readonly own: [string, string][],
    /** Names of what is ours among the headers. */
    readonly signed: string[],
  ) {}
}

/** What follow-redirects was told. */
interface Redirect {
  statusCode: number;
  headers: Record<string, unknown>;
}

/** What follow-redirects is about to send. */
interface Hop {
  href?: string;
  headers: Record<string, unknown>;
}

const marked = Symbol("rekindle");

/**
 * Makes an axios instance send a session's token, for its `xhr` and `http` adapters; gives what undoes that. For its `fetch` adapter
 * `axios.create({ adapter: "fetch", env: { fetch: session.fetch } })` does it without this.
 *
 * What a response says about the token, and why a request was not sent again: `judged(response)`. The adapter `http` follows redirects; where
 * one leaves the origin, nothing of ours goes along, and of your own headers only those that are known to carry no credential. Browsers follow
 * them unseen: a token in a header other than `Authorization` is not sent there (`InvalidConfig`).
 */
// biome-ignore lint: axios' types differ from version to version
export function install(axios: any, session: Session): () => void {
  const { interceptors } = axios as AxiosLike;
  const request = interceptors.request.use(async (config) => {
    const { driver, number: owner } = await insideOf(session);
    // Sent again: signed already.
    if (config[marked]) return config;
    const number = driver.number();
    const own = pairs(config.headers);
    const url = new URL((axios as AxiosLike).getUri(config), globalThis.location?.href).href;
    const method = (config.method ?? "get").toUpperCase();
    const timeout_ms = config.timeout ? Math.max(1, Math.round(config.timeout)) : undefined;
    const begin = { do: "begin", session: owner, request: number, method, url, headers: own, body: known(method, config.data), timeout_ms };
    const signed = await driver
      .call<{ headers: [string, string][]; stay_at_redirects: boolean }>(begin, config.signal as AbortSignal | undefined)
      .catch((error: unknown) => {
        throw asAxios(error, config);
      });
    const attempt = new Attempt(number, own, signed.headers.map(([name]) => name));
    if (!signed.stay_at_redirects && config.maxRedirects !== 0 && !seesRedirects(config, driver)) {
      driver.send({ do: "end", request: number });
      throw asAxios(invalid(UNSEEN), config);
    }
    config[marked] = attempt;
    set(config, signed.headers);
    const given = config.beforeRedirect;
    config.beforeRedirect = (hop, ...more) => {
      stay(driver, attempt, hop, more[0] as Redirect | undefined);
      given?.(hop, ...more);
      strip(driver, attempt, url, hop);
    };
    return config;
  });
  const done = async (response: AxiosResponse): Promise<AxiosResponse> => (await judge(axios, session, response)) ?? response;
  const response = interceptors.response.use(done, async (error: AxiosFailure) => {
    const { config } = error;
    const response = error.response ?? stayed(error);
    if (response) {
      const again = await judge(axios, session, response);
      if (again) return again;
      if (!error.response && config?.validateStatus?.(response.status)) return response;
      error.response = response;
    } else if (config?.[marked]) {
      (await insideOf(session)).driver.send({ do: "end", request: config[marked].number });
    }
    throw error;
  });
  return () => {
    interceptors.request.eject(request);
    interceptors.response.eject(response);
  };
}

const UNSEEN =
  "this adapter of axios follows redirects unseen, and would take the token's header along to other origins: use session.fetch (adapter: \"fetch\", env: { fetch: session.fetch }), or set maxRedirects: 0 where the adapter heeds it";

/** Its adapter `http` asks before each hop. */
function seesRedirects(config: Config, driver: Driver): boolean {
  const adapter = [config.adapter].flat().find((one) => one !== undefined);
  return driver.seesRedirects && (adapter === undefined || adapter === "http" || adapter === "xhr");
}

/** Where it leads to the login page, it is not followed: it says that the session expired (spec 2.11). */
function stay(driver: Driver, attempt: Attempt, hop: Hop, redirect: Redirect | undefined): void {
  if (!redirect || attempt.left || typeof hop.href !== "string") return;
  const location: [string, string] = ["location", hop.href];
  const headers = [...pairs(redirect.headers).filter(([name]) => name.toLowerCase() !== "location"), location];
  const said = driver.callNow({ do: "passed", request: attempt.number, status: redirect.statusCode, headers, body: "" });
  if (!said) return;
  attempt.stayed = { statusCode: redirect.statusCode, headers: Object.fromEntries(headers) };
  throw new Error(`Request failed with status code ${redirect.statusCode}`);
}

/** The redirect behind a request that ended there. */
function stayed({ config }: AxiosFailure): AxiosResponse | undefined {
  const attempt = config?.[marked];
  if (!config || !attempt?.stayed) return undefined;
  const { statusCode: status, headers } = attempt.stayed;
  delete attempt.stayed;
  return { status, headers, data: "", config };
}

/** What must not go along with a hop is taken away (spec 9.5). */
function strip(driver: Driver, attempt: Attempt, from: string, hop: Hop): void {
  const names = Object.keys(hop.headers);
  attempt.left ||= typeof hop.href !== "string" || new URL(hop.href).origin !== new URL(from).origin;
  if (!attempt.left) {
    if (attempt.signed.includes("dpop")) throw invalid("a proof of possession is for one address: set maxRedirects: 0, or use session.fetch, which signs each hop");
    return;
  }
  const own = attempt.own.map(([name]) => name.toLowerCase());
  const may = driver.callNow<string[]>({ do: "may_travel", names: own });
  const denied = new Set([...attempt.signed, "authorization", ...own.filter((name) => !may.includes(name))]);
  for (const name of names) if (denied.has(name.toLowerCase())) delete hop.headers[name];
}

/** A session's error, as one of axios' own: `axios.isAxiosError` holds for it. */
function asAxios(error: unknown, config: Config): unknown {
  if (!(error instanceof RekindleError)) return error;
  const added = { isAxiosError: true, config, code: error.kind === "Timeout" ? "ECONNABORTED" : `ERR_${error.kind.toUpperCase()}` };
  // Not shown: a configuration holds headers.
  for (const [name, value] of Object.entries(added)) Object.defineProperty(error, name, { value, enumerable: false, configurable: true });
  return error;
}

/** Where a response is from, as far as its adapter tells. */
function placeOf(response: AxiosResponse): string | undefined {
  const { responseURL, res } = response.request ?? {};
  return responseURL || res?.responseUrl || undefined;
}

/** The response of another send, where the core wants one. */
async function judge(axios: AxiosLike, session: Session, response: AxiosResponse): Promise<AxiosResponse | undefined> {
  const attempt = response.config[marked];
  if (!attempt) return undefined;
  const { driver } = await insideOf(session);
  const { data } = response;
  const body = typeof data === "string" ? data : data !== null && typeof data === "object" && isPlain(data) ? JSON.stringify(data) : "";
  const end = () => driver.send({ do: "end", request: attempt.number });
  const answered = { do: "answered", request: attempt.number, status: response.status, headers: pairs(response.headers), body };
  const from = placeOf(response);
  if (attempt.left && from) driver.send({ do: "followed", request: attempt.number, url: from });
  let next: { next: string; headers: [string, string][]; verdict: Verdict | null; replay_refused: string | null };
  try {
    next = await driver.call(answered, response.config.signal as AbortSignal | undefined);
  } catch (error) {
    end();
    throw asAxios(error, response.config);
  }
  if (next.next === "send_again") {
    attempt.left = false;
    set(response.config, next.headers);
    return (await axios.request(response.config)) as AxiosResponse;
  }
  end();
  judgedAs(response, { verdict: next.verdict ?? undefined, replayRefused: next.replay_refused ?? undefined, redirects: 0 });
  return undefined;
}

function set(config: Config, headers: [string, string][]): void {
  const all = config.headers as { set?(name: string, value: string): void } & Record<string, string>;
  for (const [name, value] of headers) all.set ? all.set(name, value) : (all[name] = value);
}

function pairs(headers: unknown): [string, string][] {
  const plain = (headers as { toJSON?(): object } | undefined)?.toJSON?.() ?? headers ?? {};
  return Object.entries(plain as Record<string, unknown>).flatMap(([name, value]) =>
    value === undefined || value === null || typeof value === "object" && !Array.isArray(value) ? [] : [value].flat().map((one) => [name, String(one)] as [string, string]),
  );
}

/** What can be sent twice: streams can't. */
function known(method: string, data: unknown): string | object {
  if (data === undefined || data === null) return "none";
  const text = typeof data === "string" ? data : isPlain(data) ? JSON.stringify(data) : undefined;
  if (text !== undefined) return method === "POST" && /^\s*[{[]/.test(text) ? { text } : "replayable";
  const isStream = typeof (data as { pipe?: unknown }).pipe === "function" || data instanceof ReadableStream;
  return isStream ? "once" : "replayable";
}

function isPlain(value: unknown): boolean {
  const prototype: unknown = typeof value === "object" && value !== null ? Object.getPrototypeOf(value) : undefined;
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
}
