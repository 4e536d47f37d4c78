import { wrong } from "./errors.js";
import { type ClientAuth, type ServerMetadata, type SessionOptions, storeToCore } from "./options.js";
import { inPage, ownAddress } from "./redirect.js";
import type { Session } from "./session.js";
import { askServer, signIn, type SignInTo } from "./sign-in.js";

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

type Asking = Pick<SessionOptions, "fetch">;

/** Fetches the protected resource metadata of an API (RFC 9728). */
export async function discoverApi(api: string | URL, options: Asking = {}): Promise<ApiMetadata> {
  return askServer<ApiMetadata>({ do: "discover_resource", resource: String(api) }, options);
}

/** Registers this program at a server that allows dynamic registration (RFC 7591); `server` is the result of `discover`. */
export async function register(server: ServerMetadata, client: Registration, options: Asking = {}): Promise<RegisteredClient> {
  const { name, redirectUri, scope, device } = client;
  if (typeof name !== "string" || name === "") throw wrong("name", " is what users are asked to let in: give the program's");
  const asked = { name, redirect_uri: redirectUri === undefined ? undefined : String(redirectUri), scope, device };
  return asOptions(await askServer<Registered>({ do: "register", server, client: asked }, options));
}

/** A client, as the core writes it. */
interface Registered {
  client_id: string;
  client_secret: string | null;
  client_auth: ClientAuth | null;
}

function asOptions({ client_id: clientId, client_secret: clientSecret, client_auth: clientAuth }: Registered): RegisteredClient {
  return { clientId, ...(clientSecret !== null && { clientSecret }), ...(clientAuth !== null && { clientAuth }) };
}

/**
 * Signs in to an API of which only the address is known, for example an MCP server: finds its authorization server, registers this
 * program there unless a `clientId` is given, and returns a session that sends its token to the API. The
 * registration is kept in the store, beside the sign-in, and used again by the next start. A page needs a store or a `clientId`.
 *
 * ```js
 * const session = await signInToApi("https://mcp.example.com/mcp", { name: "Notes", store: new FileStore("mcp.json") });
 * ```
 */
export async function signInToApi(api: string | URL, options: SignInToApi): Promise<Session> {
  const { name, ...own } = options;
  const redirectUri = own.redirectUri ?? (inPage() && !own.device ? ownAddress() : undefined);
  const asked = {
    resource: String(api),
    name,
    redirect_uri: redirectUri === undefined ? undefined : String(redirectUri),
    scope: own.scope,
    client_id: own.clientId,
    device: own.device !== undefined,
    outlives: inPage(),
  };
  const found = await askServer<Found>({ do: "find_api", asked, store: own.store && storeToCore(own.store) }, own);
  return signIn(found.server, {
    resource: found.resource,
    ...asOptions(found),
    ...own,
    ...(found.scope !== null && { scope: found.scope }),
    origins: [found.origin, ...(own.origins ?? [])],
  });
}

/** What the core found. */
interface Found extends Registered {
  server: ServerMetadata;
  resource: string;
  scope: string | null;
  origin: string;
}
