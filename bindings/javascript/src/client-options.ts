import { wrong } from "./errors.js";
import { ascii, milliseconds, onlyKnown } from "./options.js";

export { onlyKnown };

/** How a client is made. */
export interface ClientOptions {
  /** What paths are below. A session's origins hold it already. */
  baseUrl?: string | URL;
  /** Where `graphql()` sends to, below the base URL. Default: `/graphql`. */
  graphqlPath?: string;
  /** Headers of each request that has none of that name. */
  headers?: Record<string, string>;
  /** One deadline over refreshes, replays, retries, redirects and reading a body whole, in milliseconds; 0 = none. Default: 60,000. */
  timeout?: number;
  /** How many redirects are followed. Default: 10. */
  maxRedirects?: number;
  /** How long a body may be that is read whole. Default: 256 MiB. */
  maxBodyBytes?: number;
  /** How often a request is sent in all where it fails in passing, or more. `1`: never again. Default: 3. */
  retries?: number | RetryOptions;
  /** Writes a document as text, as `print` of the package graphql; for documents that don't keep their text. */
  print?: (document: object) => string;
}

/** What is sent again after it failed in passing, and when. */
export interface RetryOptions {
  /** How often a request is sent in all. */
  maxSends?: number;
  /** The statuses after which it is. Default: 408, 429, 502, 503, 504. */
  statuses?: readonly number[];
  /** The first pause is drawn from 0 up to this; it doubles each time. Milliseconds, as all that follow. */
  baseDelay?: number;
  maxDelay?: number;
  /** A Retry-After beyond this is not waited for. */
  maxRetryAfter?: number;
  /** Retries allowed for every hundred requests. */
  budgetPercent?: number;
  /** Retries allowed in ten seconds however few requests there are. */
  budgetFloor?: number;
}

/** What a request takes: what `fetch` does, and this. */
export interface RequestOptions {
  headers?: HeadersInit | Record<string, string | number | undefined>;
  /** Added to the query. */
  query?: URLSearchParams | Record<string, QueryValue | readonly QueryValue[]>;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as a form. */
  form?: Record<string, string> | URLSearchParams;
  body?: BodyInit | null;
  /** In milliseconds; 0 = none. */
  timeout?: number;
  /** Sent as `Idempotency-Key`: then a POST may be retried, too. */
  idempotencyKey?: string;
  /** The body is read as it comes: no deadline and no limit hold for it. */
  streamed?: boolean;
  signal?: AbortSignal | null;
  redirect?: RequestRedirect;
  cache?: RequestCache;
  credentials?: RequestCredentials;
  integrity?: string;
  keepalive?: boolean;
  mode?: RequestMode;
  priority?: RequestPriority;
  referrer?: string;
  referrerPolicy?: ReferrerPolicy;
  duplex?: "half";
}

type QueryValue = string | number | boolean | bigint | null | undefined;

/** @internal */
export const REQUEST_OPTIONS: readonly (keyof RequestOptions)[] = [
  "headers",
  "query",
  "json",
  "form",
  "body",
  "timeout",
  "idempotencyKey",
  "streamed",
  "signal",
  "redirect",
  "cache",
  "credentials",
  "integrity",
  "keepalive",
  "mode",
  "priority",
  "referrer",
  "referrerPolicy",
  "duplex",
];

const CLIENT_OPTIONS: readonly (keyof ClientOptions)[] = [
  "baseUrl",
  "graphqlPath",
  "headers",
  "timeout",
  "maxRedirects",
  "maxBodyBytes",
  "retries",
  "print",
];
const RETRY_OPTIONS: readonly (keyof RetryOptions)[] = [
  "maxSends",
  "statuses",
  "baseDelay",
  "maxDelay",
  "maxRetryAfter",
  "budgetPercent",
  "budgetFloor",
];

/** @internal As the core reads them. */
export function clientSettings(options: ClientOptions): object {
  onlyKnown("", options, CLIENT_OPTIONS);
  const { retries = {}, headers = {} } = options;
  const retry: RetryOptions = typeof retries === "number" ? { maxSends: retries } : retries;
  onlyKnown("retries.", retry, RETRY_OPTIONS);
  if (typeof headers !== "object" || headers === null) throw wrong("headers", " must be an object");
  if (options.print !== undefined && typeof options.print !== "function") throw wrong("print", " must be a function");
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== "string") throw wrong("headers", `: ${name} must be text, it is ${value === null ? "null" : typeof value}`);
  }
  return {
    base_url: options.baseUrl === undefined ? undefined : ascii(options.baseUrl),
    graphql_path: options.graphqlPath,
    headers: Object.entries(headers),
    timeout_ms: milliseconds("timeout", options.timeout),
    max_redirects: count("maxRedirects", options.maxRedirects),
    max_body_bytes: count("maxBodyBytes", options.maxBodyBytes),
    max_sends: count("retries.maxSends", retry.maxSends),
    retry_statuses: statuses(retry.statuses),
    base_delay_ms: milliseconds("retries.baseDelay", retry.baseDelay),
    max_delay_ms: milliseconds("retries.maxDelay", retry.maxDelay),
    max_retry_after_ms: milliseconds("retries.maxRetryAfter", retry.maxRetryAfter),
    budget_percent: count("retries.budgetPercent", retry.budgetPercent),
    budget_floor: count("retries.budgetFloor", retry.budgetFloor),
  };
}

/** @internal */
export function requestTimeout(timeout: number | undefined): number | undefined {
  return milliseconds("timeout", timeout);
}

function statuses(given: readonly number[] | undefined): number[] | undefined {
  if (given === undefined) return undefined;
  if (!Array.isArray(given)) throw wrong("retries.statuses", " must be a list of statuses, as [500, 503]");
  for (const status of given) {
    if (!Number.isInteger(status) || status < 400 || status > 599) throw wrong("retries.statuses", `: ${String(status)} is no status of an error, give 400 to 599`);
  }
  return [...given];
}

const MOST = 0xffff_ffff;

function count(name: string, value: number | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!Number.isInteger(value) || value < 0) throw wrong(name, " must be a whole number, 0 or more");
  return Math.min(value, MOST);
}
