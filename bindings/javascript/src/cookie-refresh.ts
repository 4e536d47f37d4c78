import { NotSent, type RefreshInput, RefreshTokenDead, type Tokens } from "./effects.js";

/**
 * A refresh function for servers that keep the refresh token in an `HttpOnly` cookie, which no script can read: it sends a request to
 * `url` with the browser's cookies and reads the access token from the response. JavaScript holds no refresh token.
 *
 * ```js
 * const session = new Session({ refresh: cookieRefresh("/auth/refresh"), store: new BrowserStore("my-app"), origins });
 * ```
 *
 * The response is JSON: `access_token` or `accessToken`, and `expires_in` or `expiresIn`. The statuses 400, 401 and 403 mean that the
 * user must sign in; any other failure is tried again.
 */
export function cookieRefresh(url: string | URL, init: RequestInit = {}): (input: RefreshInput) => Promise<Tokens> {
  return async () => {
    const response = await send(url, init);
    if ([400, 401, 403].includes(response.status)) throw new RefreshTokenDead(`${response.status}`);
    if (response.status === 429) throw new NotSent("the server asks for patience");
    if (!response.ok) throw new Error(`${response.status}`);
    return tokensOf(await response.json());
  };
}

function send(url: string | URL, init: RequestInit): Promise<Response> {
  return fetch(url, { method: "POST", credentials: "include", cache: "no-store", redirect: "error", ...init });
}

function tokensOf(answer: unknown): Tokens {
  const { access_token, accessToken, expires_in, expiresIn, scope, token_type, tokenType } = (answer ?? {}) as Record<string, unknown>;
  const tokens: Tokens = {};
  const [access, life, type] = [accessToken ?? access_token, expiresIn ?? expires_in, tokenType ?? token_type];
  if (typeof access === "string") tokens.accessToken = access;
  if (typeof life === "number") tokens.expiresIn = life;
  if (typeof scope === "string") tokens.scope = scope;
  if (typeof type === "string") tokens.tokenType = type;
  return tokens;
}
