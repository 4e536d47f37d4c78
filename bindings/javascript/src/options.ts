import { type CoreTokens, type RefreshInput, type Tokens, tokensToCore } from "./effects.js";
import { invalid, wrong } from "./errors.js";
import type { Session } from "./session.js";
import { SigningKey } from "./signing-key.js";
import type { Store } from "./store.js";

/** How a session is made. */
export interface SessionOptions {
  /** A preset's name, or a dialect as data. Default: `oauth2`. */
  dialect?: string | object;
  /** Where tokens are refreshed, if the dialect does not say so itself. */
  tokenUrl?: string | URL;
  /** Where users sign in, if the dialect does not say so itself. */
  authorizationUrl?: string | URL;
  /** What the server says of itself, as `discover` gave it. */
  server?: ServerMetadata;
  clientId?: string;
  clientSecret?: string;
  /** How the client says who it is, where it is registered otherwise than the dialect says. */
  clientAuth?: ClientAuth;
  /** With it the client says who it is (`private_key_jwt`). */
  clientKey?: SigningKey;
  /** Tokens are bound to it (DPoP). Where the store outlives the key, nobody is signed in any more. */
  dpopKey?: SigningKey;
  /** Whether a token that the server did not bind to `dpopKey` is refused. Default: yes. */
  requireDpop?: boolean;
  /** What the dialect leaves open: a tenant, an instance. */
  variables?: Record<string, string>;
  /** What a sign-in brought. */
  tokens?: Tokens;
  /** The origins that get the token; no other one does. */
  origins?: (string | URL)[];
  /** Origins that may get it without https. Loopback needs no mention. */
  insecureOrigins?: string[];
  /** How the server rotates refresh tokens, where it differs from the dialect: `"none"`, `"strict"`, `{ grace_seconds: 30 }`. */
  rotation?: string | object;
  /** Refresh shortly before the end, while calls go on. Default: yes. */
  background?: boolean;
  /** How long a call waits for a token, in milliseconds. Default: 30,000. */
  waitTimeout?: number;
  /** How long a token request may take, in milliseconds. Default: 60,000. */
  sendTimeout?: number;
  /** How long others wait for a refresh whose process is gone, in milliseconds. Default: 90,000. */
  lease?: number;
  /** Where the tokens are kept. Default: in memory. */
  store?: Store;
  /** Gets new tokens in a way of your own. Throw `NotSent` or `RefreshTokenDead`; anything else counts as "maybe spent". */
  refresh?: (input: RefreshInput) => Promise<Tokens>;
  /**
   * Signs the user in again where the session can't be kept alive; calls wait for it meanwhile. It gets the session, and signs it in
   * or gives tokens. However many calls wait, it runs once, and not again within 30 s of its own failure. It must not ask the session
   * for a token, nor send with it.
   */
  login?: (session: Session) => Promise<Tokens | void> | Tokens | void;
  /** How long calls wait for `login`, in milliseconds. Default: five minutes; 0: they don't. */
  loginTimeout?: number;
  /** What sends requests. Default: the global `fetch`. */
  fetch?: typeof fetch;
  /** The client's own tokens, by the client credentials grant; no user signs in. */
  clientCredentials?: ClientCredentials;
  /** Whose sign-in it is, in a store that keeps several. */
  key?: string;
  /** Shares no state with other sessions of the same store and settings. */
  alone?: boolean;
}

/** How the client says who it is at the token endpoint, as RFC 7591 and OpenID Connect name it. */
export type ClientAuth = "none" | "client_secret_basic" | "client_secret_post" | "client_secret_jwt" | "private_key_jwt";

/** What a server says of itself (RFC 8414). Plain data, which can be kept. */
export interface ServerMetadata {
  readonly issuer: string;
  readonly [name: string]: unknown;
}

/** What the client credentials grant asks for. */
export interface ClientCredentials {
  scope?: string;
  audience?: string;
  resource?: string[];
  /** What the server wants besides. */
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

/** @internal As the core reads them; what is unknown or of the wrong kind is told here. */
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
    store: { identity: store?.identity ?? null, shared: store ? store.shared ?? true : false, keyed: store?.keyed ?? true },
    refresh: refresh !== undefined,
    login: login !== undefined,
    login_timeout_ms: milliseconds("loginTimeout", options.loginTimeout),
    client_credentials: options.clientCredentials,
    key: options.key,
    alone: options.alone,
  };
}

/** @internal */
export function onlyTokens(path: string, tokens: Tokens): void {
  onlyKnown(path, tokens, TOKENS);
}

/** @internal Host names as they are sent; the module knows no Unicode. */
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

/** How many letters differ. */
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
