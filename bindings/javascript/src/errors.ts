/** What a response says about the token that was sent. */
export interface Verdict {
  readonly name: string;
  readonly reason?: string;
  /** Whether the request may have had an effect although its token was rejected: `no`, `maybe`. */
  readonly applied?: string;
  readonly scope?: string | null;
  readonly retry_after_ms?: number | null;
}

/** The kind of an error. A `switch` over all kinds is exhaustive. */
export type ErrorKind =
  | "LoginRequired"
  | "SignedOut"
  | "RefreshFailed"
  | "RefreshLimited"
  | "RateLimited"
  | "Timeout"
  | "Connection"
  | "StoreUnavailable"
  | "InvalidConfig"
  | "ClientRejected"
  | "InvalidResponse"
  | "HttpStatus"
  | "GraphQL"
  | "TooManyRedirects"
  | "Misuse"
  | "System";

const inspected = Symbol.for("nodejs.util.inspect.custom");

/** The response that caused an error, as far as it was read. Logs show only its status and URL without the query, because it may hold tokens. */
export class ErrorResponse {
  readonly status: number;
  readonly url: string;
  readonly #headers: Headers;
  readonly #body: string;

  /** What the response says about the session's token; `undefined` if the request carried none. */
  readonly verdict: Verdict | undefined;
  /** Why the request was not sent again, where its token was rejected. */
  readonly replayRefused: string | undefined;

  /** @internal */
  constructor(told: ResponseData) {
    this.status = told.status;
    this.url = told.url;
    this.verdict = told.verdict ?? undefined;
    this.replayRefused = told.replay_refused ?? undefined;
    this.#headers = new Headers([...told.headers]);
    this.#body = told.body;
    // Its query may hold a secret.
    Object.defineProperty(this, "url", { enumerable: false });
  }

  get headers(): Headers {
    return this.#headers;
  }

  get body(): string {
    return this.#body;
  }

  /** Returns the body if it is JSON, else `undefined`. */
  json(): unknown {
    try {
      return JSON.parse(this.#body);
    } catch {
      return undefined;
    }
  }

  toJSON(): object {
    return { status: this.status };
  }

  [inspected](): string {
    return `ErrorResponse(${this.status} from ${place(this.url)})`;
  }
}

/** @internal Returns a URL without its query and fragment, which may hold secrets. */
export function place(url: string): string {
  return url.split(/[?#]/)[0] ?? "";
}

/** One error of a GraphQL response. */
export interface GraphqlError {
  readonly message: string;
  readonly code: string | undefined;
  readonly path: string | undefined;
}

/** The error that this package throws: `kind` says what happened, `message` what to do next. Neither shows a token. */
export class RekindleError extends Error {
  override readonly name = "RekindleError";
  readonly kind: ErrorKind;
  /** Whether the same call may succeed later by itself. */
  readonly retryable: boolean;
  /** The OAuth error code, if the token endpoint gave one. */
  readonly oauthError: string | undefined;
  /** The HTTP status that caused the error. */
  readonly status: number | undefined;
  /** How long to wait before trying again, in milliseconds. */
  readonly retryAfter: number | undefined;
  readonly response: ErrorResponse | undefined;
  /** The errors of a GraphQL response, at most the first hundred; `response` holds partial data, if any. */
  readonly graphql: readonly GraphqlError[];
  /** The name of the invalid option or argument. */
  readonly argument: string | undefined;

  /** @internal */
  constructor(told: ErrorData, options?: ErrorOptions) {
    super(told.message, options);
    this.kind = told.kind;
    this.retryable = told.retryable ?? false;
    this.oauthError = told.oauth_error ?? undefined;
    this.status = told.status ?? told.response?.status ?? undefined;
    this.retryAfter = told.retry_after_ms ?? undefined;
    this.response = told.response ? new ErrorResponse(told.response) : undefined;
    this.graphql = (told.graphql_errors ?? []).map((one) => ({ message: one.message, code: one.code ?? undefined, path: one.path ?? undefined }));
    this.argument = told.argument ?? undefined;
  }

  toJSON(): object {
    const { name, kind, message, retryable, status } = this;
    return { name, kind, message, retryable, status };
  }
}

/** @internal An error as the core returns it. */
export interface ErrorData {
  kind: ErrorKind;
  message: string;
  retryable?: boolean;
  oauth_error?: string | null;
  status?: number | null;
  retry_after_ms?: number | null;
  response?: ResponseData | null;
  graphql_errors?: { message: string; code?: string | null; path?: string | null }[];
  argument?: string | null;
  /** The number of what a refresh function or a login handler threw. */
  cause?: number | null;
}

/** @internal */
export interface ResponseData {
  status: number;
  url: string;
  headers: Iterable<[string, string]>;
  body: string;
  verdict?: Verdict | null;
  replay_refused?: string | null;
}

/** @internal */
export function misuse(message: string): RekindleError {
  return new RekindleError({ kind: "Misuse", message });
}

/** @internal */
export function invalid(message: string): RekindleError {
  return new RekindleError({ kind: "InvalidConfig", message });
}

/** @internal An error about an option or argument: `problem` continues the sentence that starts with its name. */
export function wrong(argument: string, problem: string): RekindleError {
  return new RekindleError({ kind: "InvalidConfig", message: argument + problem, argument });
}
