import { wrong } from "./errors.js";
import type { ClientAuth, ServerMetadata } from "./options.js";
import { inPage } from "./redirect.js";
import type { Session } from "./session.js";
import { askServer, discover, signIn, type SignInTo } from "./sign-in.js";

/** Protected resource metadata of an API (RFC 9728). */
export interface ApiMetadata {
  /** What it calls itself: for the option `resource` of a sign-in. */
  readonly resource: string;
  /** Of the server that signs users in for it. */
  readonly issuer: string;
  readonly scopes_supported?: readonly string[];
  readonly [name: string]: unknown;
}

/** What a server is told about this program. */
export interface Registration {
  /** What users are asked to let in. */
  name: string;
  /** Where the browser comes back to. Default: loopback, on any port. */
  redirectUri?: string | URL;
  scope?: string;
  /** It signs in on another device, too. */
  device?: boolean;
}

/** What `register` gives: options of a session. Keep them: another registration is another client. */
export interface RegisteredClient {
  clientId: string;
  clientSecret?: string;
  clientAuth?: ClientAuth;
}

/** How `signInToApi` signs in: as `signIn`, and where there is no `clientId`, by registering itself. */
export interface SignInToApi extends Omit<SignInTo, "clientId"> {
  clientId?: string;
  /** What users are asked to let in, where the program registers itself. */
  name?: string;
}

interface Asking {
  fetch?: typeof fetch;
}

/** Fetches the protected resource metadata of an API (RFC 9728). */
export async function discoverApi(api: string | URL, options: Asking = {}): Promise<ApiMetadata> {
  return askServer<ApiMetadata>({ do: "discover_resource", resource: String(api) }, options.fetch);
}

/** Registers this program at a server that lets anybody do so (RFC 7591); `server` is what `discover` gave. */
export async function register(server: ServerMetadata, client: Registration, options: Asking = {}): Promise<RegisteredClient> {
  const { name, redirectUri = "http://127.0.0.1/callback", scope, device } = client;
  if (typeof name !== "string" || name === "") throw wrong("name", " is what users are asked to let in: give the program's");
  const asked = { name, redirect_uri: String(redirectUri), scope, device };
  const told = await askServer<{ client_id: string; client_secret?: string; client_auth?: ClientAuth }>({ do: "register", server, client: asked }, options.fetch);
  const { client_id: clientId, client_secret: clientSecret, client_auth: clientAuth } = told;
  return { clientId, ...(clientSecret && { clientSecret }), ...(clientAuth && { clientAuth }) };
}

/**
 * `signIn` for an API of which nothing but the address is known, an MCP server for example: it finds the server that signs users in for
 * it, registers this program there unless there is a `clientId`, and gives a session whose token goes to the API.
 *
 * ```js
 * const session = await signInToApi("https://mcp.example.com/mcp", { name: "Notes" });
 * ```
 *
 * Another registration is another client, whose tokens an earlier one can't refresh: where a store outlives the process, and in a page,
 * `register` once, keep what it gives, and pass that on.
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
