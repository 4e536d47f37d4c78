import { wrong } from "./errors.js";
import { onlyKnown } from "./options.js";

/** The parameters of a sign-in. */
export interface SignInOptions {
  /** The redirect URI, as registered for the client. */
  redirectUri?: string | URL;
  /** Names separated by spaces. Default: the dialect's. */
  scope?: string;
  /** The resources that the tokens are for (RFC 8707). */
  resource?: string | string[];
  audience?: string;
  /** `login`, `consent`, `select_account`, `none`. */
  prompt?: string;
  loginHint?: string;
  acrValues?: string;
  /** The maximum time since the user last authenticated, in seconds. */
  maxAge?: number;
  claims?: string | object;
  /** The application's path to return to afterwards. */
  returnTo?: string;
  /** Additional parameters for the server. */
  parameters?: Record<string, string>;
}

/** A sign-in in progress. */
export class BegunSignIn {
  /** The URL to open in the browser. */
  readonly url: string;
  /** @internal */
  readonly state!: string;
  readonly #pending: string;

  /** @internal */
  constructor(told: { url: string; state: string; pending: string }) {
    this.url = told.url;
    this.#pending = told.pending;
    Object.defineProperty(this, "state", { value: told.state, enumerable: false });
  }

  /** What `finishSignIn` needs when the browser returns, valid for an hour. It is a secret: keep it in the user's server-side session. */
  get pending(): string {
    return this.#pending;
  }
}

/** What the user must be shown to sign in on another device. */
export interface DeviceCode {
  readonly userCode: string;
  readonly verificationUri: string;
  /** The same with the code in it, for a QR code. */
  readonly verificationUriComplete: string | undefined;
}

/** A grant without a browser: another token (RFC 8693), an assertion (RFC 7523), or a user name and password if the dialect has a section for them. */
export type SignInGrant =
  | { grantType: "token_exchange"; subjectToken: string; subjectTokenType: string; audience?: string; resource?: string[]; scope?: string }
  | { grantType: "jwt_bearer"; assertion: string; scope?: string }
  | { grantType: "password"; username: string; password: string; scope?: string };

const KNOWN: readonly (keyof SignInOptions)[] = [
  "redirectUri",
  "scope",
  "resource",
  "audience",
  "prompt",
  "loginHint",
  "acrValues",
  "maxAge",
  "claims",
  "returnTo",
  "parameters",
];

/** @internal As the core reads them. */
export function asked(options: SignInOptions): object {
  onlyKnown("", options, KNOWN);
  const { redirectUri, resource, maxAge, claims } = options;
  for (const name of ["scope", "audience", "prompt", "loginHint", "acrValues", "returnTo"] as const) {
    if (options[name] !== undefined && typeof options[name] !== "string") throw wrong(name, " must be text");
  }
  if (maxAge !== undefined && (!Number.isSafeInteger(maxAge) || maxAge < 0)) throw wrong("maxAge", " must be a whole number of seconds, 0 or more");
  return {
    redirect_uri: redirectUri === undefined ? undefined : String(redirectUri),
    scope: options.scope,
    resource: typeof resource === "string" ? [resource] : resource,
    audience: options.audience,
    prompt: options.prompt,
    login_hint: options.loginHint,
    acr_values: options.acrValues,
    max_age: maxAge,
    claims: typeof claims === "object" ? JSON.stringify(claims) : claims,
    return_to: options.returnTo,
    parameters: options.parameters,
  };
}

/** @internal As the core reads it. */
export function grantToCore(grant: SignInGrant): object {
  if (typeof grant !== "object" || grant === null) throw wrong("grant", " must be an object");
  const all = Object.entries(grant).map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]);
  return Object.fromEntries(all);
}
