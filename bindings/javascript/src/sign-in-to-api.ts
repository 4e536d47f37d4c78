import { wrong } from "./errors.js";
import type { ClientAuth, ServerMetadata } from "./options.js";
import { inPage } from "./redirect.js";
import type { Session } from "./session.js";
import { askServer, discover, signIn, type SignInTo } from "./sign-in.js";

/** Protected resource metadata of an API (RFC 9728). */
export interface ApiMetadata {
  /** The API's identifier, for the option `resource` of a sign-in. */
  readonly resource: string;
  /** The issuer of the authorization server that signs users in for the API. */
  readonly issuer: string;
  readonly scopes_supported?: readonly string[];
  readonly [name: string]: unknown;
}

/** The client metadata of this program. */
export interface Registration {
  /** The program's name, which the server shows to users. */
  name: string;
  /** The redirect URI. Default: loopback, on any port. */
  redirectUri?: string | URL;
  scope?: string;
  /** Whether it also uses the device grant. */
  device?: boolean;
}

/** The result of `register`: options of a session. Store them: another registration creates another client. */
export interface RegisteredClient {
  clientId: string;
  clientSecret?: string;
  clientAuth?: ClientAuth;
}

/** Options of `signInToApi`: those of `signIn`; without a `clientId` the program registers itself. */
export interface SignInToApi extends Omit<SignInTo, "clientId"> {
  clientId?: string;
  /** The program's name for the registration. */
  name?: string;
}

interface Asking {
  fetch?: typeof fetch;
}

/** Fetches the protected resource metadata of an API (RFC 9728). */
export async function discoverApi(api: string | URL, options: Asking = {}): Promise<ApiMetadata> {
  return askServer<ApiMetadata>({ do: "discover_resource", resource: String(api) }, options.fetch);
}

/** Registers this program at a server that allows dynamic registration (RFC 7591); `server` is the result of `discover`. */
export async function register(server: ServerMetadata, client: Registration, options: Asking = {}): Promise<RegisteredClient> {
  const { name, redirectUri = "http://127.0.0.1/callback", scope, device } = client;
  if (typeof name !== "string" || name === "") throw wrong("name", " is what users are asked to let in: give the program's");
  const asked = { name, redirect_uri: String(redirectUri), scope, device };
  const told = await askServer<{ client_id: string; client_secret?: string; client_auth?: ClientAuth }>({ do: "register", server, client: asked }, options.fetch);
  const { client_id: clientId, client_secret: clientSecret, client_auth: clientAuth } = told;
  return { clientId, ...(clientSecret && { clientSecret }), ...(clientAuth && { clientAuth }) };
}

/**
 * Signs in to an API of which only the address is known, for example an MCP server: finds its authorization server, registers this
 * program there unless a `clientId` is given, and returns a session that sends its token to the API.
 *
 * ```js
 * const session = await signInToApi("https://mcp.example.com/mcp", { name: "Notes" });
 * ```
 *
 * Each registration creates another client, which can't refresh the tokens of an earlier one. With a store that outlives the process,
 * and in a page, call `register` once, store its result, and pass that.
 */
export async function signInToApi(api: string | URL, options: SignInToApi): Promise<Session> {
  const { name, ...own } = options;
  if (own.clientId === undefined && (inPage() || (own.store && own.store.shared !== false))) {
    throw wrong("clientId", " is missing: the next start would be another client, to which this sign-in does not belong; call register once, and keep what it gives");
  }
  const asking = own.fetch && { fetch: own.fetch };
  const found = await discoverApi(api, asking);
  const client = own.clientId === undefined ? await registered(found.issuer, { ...own, ...(name !== undefined && { name }) }, asking) : {};
  const { origin } = new URL(found.resource);
  const scope = own.scope ?? found.scopes_supported?.join(" ");
  return signIn(found.issuer, {
    resource: found.resource,
    ...own,
    ...(scope && { scope }),
    ...client,
    origins: [origin, ...(own.origins ?? [])],
  } as SignInTo);
}

async function registered(issuer: string, { name, redirectUri, device }: SignInToApi, asking: Asking | undefined): Promise<RegisteredClient> {
  if (name === undefined) throw wrong("name", " is missing: it is what users are asked to let in, where the program has no clientId and registers itself");
  const server = await discover(issuer, asking);
  return register(server, { name, ...(redirectUri && { redirectUri }), device: device !== undefined }, asking);
}
