import type { Served } from "./effects.js";
import type { ServerMetadata, SessionOptions } from "./options.js";
import { inPage } from "./redirect.js";
import { Session, sharedDriver } from "./session.js";
import type { DeviceCode, SignInOptions } from "./sign-in-options.js";

/**
 * Fetches a server's metadata by its issuer (RFC 8414, OpenID Connect), for `new Session({ server })`. The result can be cached.
 *
 * ```js
 * const session = new Session({ server: await discover("https://accounts.example.com"), clientId, origins });
 * ```
 */
export async function discover(issuer: string | URL, options: { fetch?: typeof fetch } = {}): Promise<ServerMetadata> {
  return askServer<ServerMetadata>({ do: "discover", issuer: String(issuer) }, options);
}

/** @internal Asks the core what needs no session; `fetch` sends its requests, `store` keeps what it wants kept. */
export async function askServer<T>(message: object, { fetch: send = (input, init) => globalThis.fetch(input, init), store }: Pick<SessionOptions, "fetch" | "store">): Promise<T> {
  const served: Served = { owner: {}, fetch: send, store, keys: [], refresh: undefined, login: undefined, saved: false, tell: () => undefined };
  const driver = await sharedDriver();
  return driver.callAs<T>(served, message);
}

/** Options of `signIn`. */
export interface SignInTo extends SessionOptions, SignInOptions {
  clientId: string;
  /** Signs in on another device; shows the code to the user. */
  device?: (device: DeviceCode) => unknown;
  /** Shows the URL to the user, if a browser on this machine is used. */
  open?: (url: string) => unknown;
}

/**
 * Returns a signed-in session. If the store already holds a sign-in, it is used, and the user is not asked.
 *
 * In a page it redirects to the server, which redirects back to `redirectUri` (by default this page); call it there again to complete the
 * sign-in. Elsewhere it opens a browser on this machine; with `device` the user signs in on another device. Outside of a page the user is
 * asked again in the same way when the session can't be kept alive.
 *
 * ```js
 * const session = await signIn("google", { clientId, scope: "openid email", store: new BrowserStore("my-app") });
 * ```
 *
 * `server`: a preset's name, an issuer (`https://..`), or the result of `discover`.
 */
export async function signIn(server: string | ServerMetadata, options: SignInTo): Promise<Session> {
  const { redirectUri, scope, resource, audience, prompt, loginHint, acrValues, maxAge, claims, returnTo, parameters, device, open, ...own } = options;
  const given = { redirectUri, scope, resource, audience, prompt, loginHint, acrValues, maxAge, claims, returnTo, parameters };
  const wanted = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as SignInOptions;
  const again = device
    ? (session: Session) => session.signInWithDevice(device, wanted)
    : (session: Session) => session.signInWithBrowser({ ...wanted, ...(open && { open }) });
  // A page is not left by itself: that would lose what the user has entered.
  const login = device || !inPage() ? { login: again } : {};
  const session = new Session({ ...(await where(server, own)), ...login, ...own });
  if (inPage() && (await session.handleRedirectCallback())) return session;
  if (!(await session.status({ fresh: true })).needs_sign_in) return session;
  if (!device && inPage()) await session.signInWithRedirect(wanted);
  else await again(session);
  return session;
}

async function where(server: string | ServerMetadata, { fetch }: SessionOptions): Promise<SessionOptions> {
  if (typeof server !== "string") return { server };
  if (!/^https?:/i.test(server)) return { dialect: server };
  return { server: await discover(server, fetch && { fetch }) };
}
