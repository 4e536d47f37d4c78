import { insideOf, type Session } from "./session.js";

interface Config {
  url?: string;
  baseURL?: string;
  method?: string;
  headers?: unknown;
  data?: unknown;
  params?: unknown;
  signal?: unknown;
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
}

interface AxiosFailure {
  response?: AxiosResponse;
  config?: Config;
}

interface Attempt {
  number: number;
  own: [string, string][];
}

const marked = Symbol("rekindle");

/**
 * Makes an axios instance send a session's token, for its `xhr` and `http` adapters; gives what undoes that. For its `fetch` adapter
 * `axios.create({ adapter: "fetch", env: { fetch: session.fetch } })` does it without this.
 *
 * Those adapters follow redirects unseen: set `maxRedirects: 0` where the token goes in a header other than `Authorization`.
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
    const begin = { do: "begin", session: owner, request: number, method, url, headers: own, body: known(method, config.data) };
    const signed = await driver.call<{ headers: [string, string][] }>(begin, config.signal as AbortSignal | undefined);
    config[marked] = { number, own };
    set(config, signed.headers);
    return config;
  });
  const done = async (response: AxiosResponse): Promise<AxiosResponse> => (await judge(axios, session, response)) ?? response;
  const response = interceptors.response.use(done, async (error: AxiosFailure) => {
    const { response, config } = error;
    if (response) {
      const again = await judge(axios, session, response);
      if (again) return again;
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

/** The response of another send, where the core wants one. */
async function judge(axios: AxiosLike, session: Session, response: AxiosResponse): Promise<AxiosResponse | undefined> {
  const attempt = response.config[marked];
  if (!attempt) return undefined;
  const { driver } = await insideOf(session);
  const { data } = response;
  const body = typeof data === "string" ? data : data !== null && typeof data === "object" && isPlain(data) ? JSON.stringify(data) : "";
  const end = () => driver.send({ do: "end", request: attempt.number });
  const answered = { do: "answered", request: attempt.number, status: response.status, headers: pairs(response.headers), body };
  let next: { next: string; headers: [string, string][] };
  try {
    next = await driver.call(answered);
  } catch (error) {
    end();
    throw error;
  }
  if (next.next === "send_again") {
    set(response.config, next.headers);
    return (await axios.request(response.config)) as AxiosResponse;
  }
  end();
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
