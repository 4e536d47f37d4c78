/** What went wrong. A `switch` over all of them is exhaustive. */
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
  | "Misuse";

/** The response that led to an error, as far as it was read. */
export interface ErrorResponse {
  readonly status: number;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
}

/** The one error of this package: `kind` says what happened, `message` what to do next. Neither shows a token. */
export class RekindleError extends Error {
  override readonly name = "RekindleError";
  readonly kind: ErrorKind;
  /** Whether the same call may succeed later without anybody doing anything. */
  readonly retryable: boolean;
  /** The OAuth error code, if the token endpoint gave one. */
  readonly oauthError: string | undefined;
  /** The HTTP status that led to this. */
  readonly status: number | undefined;
  /** When trying again makes sense, in milliseconds. */
  readonly retryAfter: number | undefined;
  readonly response: ErrorResponse | undefined;

  /** @internal */
  constructor(told: ErrorData, options?: ErrorOptions) {
    super(told.message, options);
    this.kind = told.kind;
    this.retryable = told.retryable ?? false;
    this.oauthError = told.oauth_error ?? undefined;
    this.status = told.status ?? told.response?.status ?? undefined;
    this.retryAfter = told.retry_after_ms ?? undefined;
    this.response = told.response
      ? { ...told.response, headers: new Headers(told.response.headers) }
      : undefined;
  }
}

/** @internal An error as the module tells it. */
export interface ErrorData {
  kind: ErrorKind;
  message: string;
  retryable?: boolean;
  oauth_error?: string | null;
  status?: number | null;
  retry_after_ms?: number | null;
  response?: { status: number; url: string; headers: [string, string][]; body: string } | null;
}

/** @internal */
export function misuse(message: string): RekindleError {
  return new RekindleError({ kind: "Misuse", message });
}

/** @internal */
export function invalid(message: string): RekindleError {
  return new RekindleError({ kind: "InvalidConfig", message });
}
