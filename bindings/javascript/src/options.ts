import { type CoreTokens, type RefreshInput, type Tokens, tokensToCore } from "./effects.js";
import { invalid, wrong } from "./errors.js";
import type { Session } from "./session.js";
import { SigningKey } from "./signing-key.js";
import type { Store } from "./store.js";

/** Options of a session. */
export interface SessionOptions {
  /** A preset's name, or a dialect as data. Default: `oauth2`. */
  dialect?: string | object;
  /** The token endpoint, if the dialect does not name one. */
  tokenUrl?: string | URL;
  /** The authorization endpoint, if the dialect does not name one. */
  authorizationUrl?: string | URL;
  /** The server's metadata, as `discover` returned it. */
  server?: ServerMetadata;
  clientId?: string;
  clientSecret?: string;
  /** The client authentication method, if it differs from the dialect's. */
  clientAuth?: ClientAuth;
  /** Authenticates the client (`private_key_jwt`). */
  clientKey?: SigningKey;
  /** The key that tokens are bound to (DPoP). If the key is lost, stored tokens become useless and users must sign in again. */
  dpopKey?: SigningKey;
  /** Whether a token that the server did not bind to `dpopKey` is refused. Default: yes. */
  requireDpop?: boolean;
  /** Values for the dialect's variables, such as a tenant. */
  variables?: Record<string, string>;
  /** Tokens to start with, if the store has none. */
  tokens?: Tokens;
  /** The origins that the token is sent to; no other origin gets it. */
  origins?: (string | URL)[];
  /** Origins that may get the token over http. Loopback always may. */
  insecureOrigins?: string[];
  /** How the server rotates refresh tokens, if that differs from the dialect: `"none"`, `"strict"`, `{ grace_seconds: 30 }`. */
  rotation?: string | object;
  /** Refreshes in the background shortly before the token expires. Default: true. */
  background?: boolean;
  /** The maximum time a call waits for a token, in milliseconds. Default: 30,000. */
  waitTimeout?: number;
  /** The maximum duration of a token request, in milliseconds. Default: 60,000. */
  sendTimeout?: number;
  /** The maximum time that other processes wait for a refresh whose process is gone, in milliseconds. Default: 90,000. */
  lease?: number;
  /** Where the tokens are kept. Default: in memory. */
  store?: Store;
  /** Fetches new tokens in place of the dialect. May throw `NotSent` or `RefreshTokenDead`; after any other error the refresh token may have been used. */
  refresh?: (input: RefreshInput) => Promise<Tokens>;
  /**
   * Signs the user in again if the session can't be kept alive; calls wait meanwhile. It gets the session, and signs it in or returns
   * tokens. It runs once for all waiting calls, and not again within 30 s after it failed. It must neither request a token from the
   * session nor send requests with it.
   */
  login?: (session: Session) => Promise<Tokens | void> | Tokens | void;
  /** The maximum time that calls wait for `login`, in milliseconds; 0 means that they don't wait. Default: five minutes. */
  loginTimeout?: number;
  /** The function that sends requests. Default: the global `fetch`. */
  fetch?: typeof fetch;
  /** Gets tokens for the client itself by the client credentials grant; no user signs in. */
  clientCredentials?: ClientCredentials;
  /** The session's key in a store that keeps several records. */
  key?: string;
  /** Whether this session shares no state with other sessions of the same store and settings. */
  alone?: boolean;
}

/** A client authentication method, as named in RFC 7591 and OpenID Connect Core section 9. */
export type ClientAuth = "none" | "client_secret_basic" | "client_secret_post" | "client_secret_jwt" | "private_key_jwt";

/** Authorization server metadata (RFC 8414): plain data that can be stored. */
export interface ServerMetadata {
  readonly issuer: string;
  readonly [name: string]: unknown;
}

/** The parameters of the client credentials grant. */
export interface ClientCredentials {
  scope?: string;
  audience?: string;
  resource?: string[];
  /** Additional parameters that the server requires. */
  parameters?: Record<string, string>;
}

const KNOWN: (keyof SessionOptions)[] = [
  "dialect",
  "tokenUrl",
  "authorizationUrl",
  "server",
  "clientId",
  "clientSecret",
  "clientAuth",
  "clientKey",
  "dpopKey",
  "requireDpop",
  "variables",
  "tokens",
  "origins",
  "insecureOrigins",
  "rotation",
  "background",
  "waitTimeout",
  "sendTimeout",
  "lease",
  "store",
  "refresh",
  "login",
  "loginTimeout",
  "fetch",
  "clientCredentials",
  "key",
  "alone",
];
const TOKENS = ["accessToken", "refreshToken", "expiresIn", "expiresAt", "scope", "tokenType"];

/** @internal Returns the options as the core reads them; throws on unknown names and wrong types. */
export function settings(options: SessionOptions): { tokens: CoreTokens | undefined } & Record<string, unknown> {
  onlyKnown("", options, KNOWN);
  const { tokens, store, refresh, login, fetch: own } = options;
  if (tokens !== undefined) onlyTokens("tokens.", tokens);
  for (const [name, value] of [["refresh", refresh], ["login", login], ["fetch", own]] as const) {
    if (value !== undefined && typeof value !== "function") throw wrong(name, " must be a function");
  }
  for (const name of ["clientKey", "dpopKey"] as const) {
    if (options[name] !== undefined && !(options[name] instanceof SigningKey)) throw wrong(name, " must be a SigningKey: await SigningKey.stored(..), .fromPem(..) or .of(..)");
  }
  if (store && (typeof store.load !== "function" || typeof store.save !== "function")) {
    throw wrong("store", " must have the methods load and save");
  }
  return {
    dialect: options.dialect,
    token_url: options.tokenUrl === undefined ? undefined : ascii(options.tokenUrl),
    authorization_url: options.authorizationUrl === undefined ? undefined : ascii(options.authorizationUrl),
    server: options.server,
    client_id: options.clientId,
    client_secret: options.clientSecret,
    client_auth: options.clientAuth,
    client_key: options.clientKey?.shown,
    dpop_key: options.dpopKey?.shown,
    require_dpop: options.requireDpop,
    variables: options.variables,
    tokens: tokens && tokensToCore(tokens),
    origins: Array.isArray(options.origins) ? options.origins.map(ascii) : options.origins,
    insecure_origins: options.insecureOrigins,
    rotation: options.rotation,
    background: options.background,
    wait_timeout_ms: milliseconds("waitTimeout", options.waitTimeout),
    send_timeout_ms: milliseconds("sendTimeout", options.sendTimeout),
    lease_ms: milliseconds("lease", options.lease),
    store: storeToCore(store),
    refresh: refresh !== undefined,
    login: login !== undefined,
    login_timeout_ms: milliseconds("loginTimeout", options.loginTimeout),
    client_credentials: options.clientCredentials,
    key: options.key,
    alone: options.alone,
  };
}

/** @internal As the core reads it. */
export function storeToCore(store: Store | undefined): object {
  return { identity: store?.identity ?? null, shared: store ? store.shared ?? true : false, keyed: store?.keyed ?? true, clients: store?.clients ?? false };
}

/** @internal */
export function onlyTokens(path: string, tokens: Tokens): void {
  onlyKnown(path, tokens, TOKENS);
}

/** @internal Returns a URL with an ASCII host name: the module has no Unicode tables. */
export function ascii(url: string | URL): string {
  const text = String(url);
  return /[^\x00-\x7f]/.test(text) && URL.canParse(text) ? new URL(text).href : text;
}

/** @internal */
export function milliseconds(name: string, value: number | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!Number.isFinite(value) || value < 0) throw wrong(name, " must be a number of milliseconds, 0 or more");
  return Math.round(value);
}

/** @internal */
export function onlyKnown(path: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) throw path ? wrong(path.slice(0, -1), " must be an object") : invalid("the options must be an object");
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const near = known.find((one) => distance(one.toLowerCase(), name.toLowerCase().replaceAll("_", "")) <= 2);
    const advice = near ? `did you mean ${path}${near}?` : `known are ${known.join(", ")}`;
    throw wrong(path + name, ` is no option: ${advice}`);
  }
}

/** The edit distance of two words. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const change = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
