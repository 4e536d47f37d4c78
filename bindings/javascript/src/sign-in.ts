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
  return askServer<ServerMetadata>({ do: "discover", issuer: String(issuer) }, options.fetch);
}

/** @internal Asks the core what needs no session; `send` sends its requests. */
export async function askServer<T>(message: object, send: typeof fetch = (input, init) => globalThis.fetch(input, init)): Promise<T> {
  const served: Served = { owner: {}, fetch: send, store: undefined, keys: [], refresh: undefined, login: undefined, saved: false, tell: () => undefined };
  const driver = await sharedDriver();
  return driver.callAs<T>(served, message);
}

/** How `signIn` makes a session and signs in. */
export interface SignInTo extends SessionOptions, SignInOptions {
  clientId: string;
  /** Signs in on another device, and shows this to the user. */
  device?: (device: DeviceCode) => unknown;
  /** Where a browser of this machine is used: shows it the address. */
  open?: (url: string) => unknown;
}

/**
 * A session that is signed in, from a client id. A store that holds a sign-in already is used, and nobody is asked.
 *
 * In a page it leads to the server, which leads back to `redirectUri` (by default this page); call it there again, and it goes on.
 * Elsewhere a browser of this machine is opened; with `device` the user signs in on another one. There, when the session can't be kept
 * alive any more, the user is asked again in the same way.
 *
 * ```js
 * const session = await signIn("google", { clientId, scope: "openid email", store: new BrowserStore("my-app") });
 * ```
 *
 * `server`: a preset's name, an issuer (`https://..`), or what `discover` gave.
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
  if ((await session.status({ fresh: true })).standing === "active") return session;
  if (!device && inPage()) await session.signInWithRedirect(wanted);
  else await again(session);
  return session;
}

async function where(server: string | ServerMetadata, { fetch }: SessionOptions): Promise<SessionOptions> {
  if (typeof server !== "string") return { server };
  if (!/^https?:/i.test(server)) return { dialect: server };
  return { server: await discover(server, fetch && { fetch }) };
}
