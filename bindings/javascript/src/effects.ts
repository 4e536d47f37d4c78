import { type ErrorData, RekindleError, wrong } from "./errors.js";
import { signInAgain } from "./login.js";
import type { SessionEvent } from "./events.js";
import { platform } from "#platform";
import type { SigningKey } from "./signing-key.js";
import { askStore, type Store, type StoreEffect } from "./store.js";

/** What the core asks the host to do. */
export type Effect =
  | { effect: "done"; call: number; ok?: unknown; error?: ErrorData }
  | ({ effect: "event"; session: number } & SessionEvent)
  | { effect: "forget"; op: number }
  | { effect: "fault"; message: string }
  | DeviceEffect
  | { effect: "expired"; request: number; error: ErrorData }
  | SendEffect
  | RefreshEffect
  | LoginEffect
  | StoreEffect;

/** The user has to sign in again. */
interface LoginEffect {
  effect: "login";
  op: number;
  session: number;
}

/** What the user is shown to sign in on another device. */
export interface DeviceEffect {
  effect: "device";
  call: number;
  user_code: string;
  verification_uri: string;
  verification_uri_complete: string | null;
}

export interface SendEffect {
  effect: "send";
  op: number;
  session: number;
  method: string;
  url: string;
  headers: [string, string][];
  body: string;
  /** Whether the browser's cookies are sent: one of them is the credential. */
  with_cookies?: boolean;
}

interface RefreshEffect {
  effect: "refresh";
  op: number;
  session: number;
  refresh_token: string | null;
  scope: string | null;
  extra: Record<string, string>;
}

/** The input of a refresh function. */
export interface RefreshInput {
  /** It must not be sent twice. */
  refreshToken: string | undefined;
  scope: string | undefined;
  /** Further fields of the last token response. */
  extra: Record<string, string>;
}

/** The tokens that a sign-in or a refresh returned. */
export interface Tokens {
  accessToken?: string;
  refreshToken?: string;
  /** The access token's lifetime, in seconds. */
  expiresIn?: number;
  /** The access token's expiry, in milliseconds since 1970, or as a date. */
  expiresAt?: number | Date;
  scope?: string;
  tokenType?: string;
}

/** Thrown by a refresh function if the refresh token was certainly not sent: the refresh is tried again later. After any other error the token may have been used. */
export class NotSent extends Error {
  override readonly name = "NotSent";
}

/** Thrown by a refresh function if the server rejected the refresh token: the user must sign in again. */
export class RefreshTokenDead extends Error {
  override readonly name = "RefreshTokenDead";
}

/** The host's side of a session. */
export interface Served {
  readonly owner: object;
  readonly fetch: typeof fetch;
  readonly store: Store | undefined;
  /** Its signing keys. */
  readonly keys: readonly SigningKey[];
  readonly refresh: ((input: RefreshInput) => Promise<Tokens>) | undefined;
  /** Signs the user in again. Rejects if that fails. */
  readonly login: (() => Promise<void>) | undefined;
  /** Whether the store has a record of this session. */
  saved: boolean;
  tell(event: SessionEvent): void;
}

/** Carries out an effect and returns the answer; never rejects. */
export async function serve(
  effect: SendEffect | RefreshEffect | LoginEffect | StoreEffect,
  served: Served | undefined,
  signal: AbortSignal,
): Promise<object> {
  if (!served) return { error: "maybe_sent", unavailable: "the session is gone" };
  switch (effect.effect) {
    case "send":
      return sendTokenRequest(effect, served.fetch, signal);
    case "refresh":
      return platform.inside(served.owner, () => refresh(effect, served.refresh));
    case "login":
      return signInAgain(served, keepThrown);
    default:
      if (!served.store) return { unavailable: "the session has no store" };
      return platform.inside(served.owner, async () => {
        const answer = await askStore(served.store as Store, effect);
        if (effect.effect === "save" && "version" in answer) served.saved = true;
        return answer;
      });
  }
}

async function refresh(effect: RefreshEffect, call: Served["refresh"]): Promise<object> {
  if (!call) return { error: "not_sent", message: "there is no refresh function" };
  try {
    const { refresh_token: refreshToken, scope, extra } = effect;
    const tokens = await call({ refreshToken: refreshToken ?? undefined, scope: scope ?? undefined, extra });
    if (typeof tokens === "object" && tokens !== null && ("accessToken" in tokens || "refreshToken" in tokens)) {
      // Without an access token the core keeps the rest, and reports what is missing.
      return { tokens: tokensToCore(tokens) };
    }
    const given = tokens === null ? "null" : typeof tokens === "object" ? "an object without accessToken" : `${typeof tokens}`;
    return { error: "maybe_sent", message: `the refresh function returned ${given}: return { accessToken, refreshToken, expiresIn }` };
  } catch (error) {
    if (error instanceof RefreshTokenDead) return { error: "login_required" };
    if (error instanceof NotSent) return { error: "not_sent", message: error.message, thrown: keepThrown(error) };
    // Only the error's name: its text may hold a token.
    const name = error instanceof Error ? error.name : typeof error;
    return { error: "maybe_sent", message: `the refresh function threw ${name}`, thrown: keepThrown(error) };
  }
}

const MOST_THROWN = 64;
const thrown = new Map<number, unknown>();
let lastThrown = 0;

/** Keeps what refresh functions and login handlers threw, until the core names it as the cause of an error by its number. */
function keepThrown(error: unknown): number {
  thrown.set(++lastThrown, error);
  thrown.delete(lastThrown - MOST_THROWN);
  return lastThrown;
}

/** Options whose names differ from the core's. */
const PLACES: Record<string, string> = { maxSends: "retries.maxSends", retryStatuses: "retries.statuses", defaultHeader: "headers" };

/** Makes an error of the core's data, with its cause. */
export function errorOf(told: ErrorData): RekindleError {
  const { cause, argument, message } = told;
  const place = argument && PLACES[argument];
  if (place) return errorOf({ ...told, argument: place, message: message.replace(argument, place) });
  return new RekindleError(told, typeof cause === "number" && thrown.has(cause) ? { cause: thrown.get(cause) } : undefined);
}

/** @internal */
export interface CoreTokens {
  expires_in: number | undefined;
  expires_at_ms: number | undefined;
  [name: string]: unknown;
}

/** Returns the tokens as the core reads them. */
export function tokensToCore(tokens: Tokens): CoreTokens {
  // In JSON NaN would be null, which means unknown.
  for (const name of ["expiresIn", "expiresAt"] as const) {
    const value = tokens[name];
    if (value != null && !Number.isFinite(Number(value))) throw wrong(name, name === "expiresIn" ? " must be a number of seconds" : " must be a date, or milliseconds since 1970");
  }
  return {
    access_token: tokens.accessToken,
    refresh_token: tokens.refreshToken,
    expires_in: tokens.expiresIn,
    expires_at_ms: tokens.expiresAt instanceof Date ? tokens.expiresAt.getTime() : tokens.expiresAt,
    scope: tokens.scope,
    token_type: tokens.tokenType,
  };
}

/** The core reads no more of a token response, in bytes. */
const MOST = 1024 * 1024;

async function sendTokenRequest(
  effect: SendEffect,
  send: typeof fetch,
  signal: AbortSignal,
): Promise<object> {
  let response: Response;
  try {
    response = await send(effect.url, {
      method: effect.method,
      headers: effect.headers,
      body: effect.body === "" ? null : effect.body,
      redirect: "manual",
      ...platform.tokenRequest,
      ...(effect.with_cookies ? { credentials: "include" } : {}),
      signal,
    });
  } catch (error) {
    return { error: describe(error), sent: !wasNotSent(error) };
  }
  try {
    const body = await readUpTo(response, MOST + 1);
    return { status: response.status, headers: [...response.headers], ...asText(body) };
  } catch (error) {
    return { error: describe(error), sent: true };
  }
}

/** Reads at most `most` bytes of the body. */
export async function readUpTo(response: Response, most: number, needed: "whole" | "what comes" = "whole"): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  while (reader && length < most) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      if (needed === "whole") throw error;
      return { done: true, value: undefined };
    });
    if (done || !value) break;
    chunks.push(value);
    length += value.length;
  }
  // Not awaited: cancelling one branch of a teed body waits for the other.
  if (reader && length >= most) void reader.cancel().catch(() => undefined);
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** Returns the bytes as text if they are valid UTF-8, else in base64. */
export function asText(bytes: Uint8Array): { body: string } | { body_base64: string } {
  try {
    return { body: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    let binary = "";
    for (const byte of bytes) binary += String.fromCharCode(byte);
    return { body_base64: btoa(binary) };
  }
}

/** Node's codes of failures before any byte of the request was sent. Browsers report none. */
const NOT_SENT = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

export function wasNotSent(error: unknown): boolean {
  const cause = (error as { cause?: { code?: unknown } } | null)?.cause;
  return typeof cause?.code === "string" && NOT_SENT.has(cause.code);
}

export function describe(error: unknown): string {
  const cause = (error as { cause?: { code?: unknown; message?: unknown } } | null)?.cause;
  return String(cause?.message ?? cause?.code ?? (error as Error)?.message ?? error);
}
