/** What the types promise: compiled by `types.test.mjs`, never run. */
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { App, Client, type ErrorKind, RekindleError, Session } from "rekindle";

declare const Me: TypedDocumentNode<{ me: { name: string } }, { id: string }>;
declare const All: TypedDocumentNode<{ all: number[] }, Record<string, never>>;

export async function graphql(client: Client): Promise<[string, number[]]> {
  const { me } = await client.graphql(Me, { id: "7" });
  // @ts-expect-error: the variables are wanted
  await client.graphql(Me);
  // @ts-expect-error: of this type
  await client.graphql(Me, { id: 7 });
  const { all } = await client.graphql(All);
  const anything = await client.graphql("{ me }", { some: 1 });
  return [me.name + anything.whatever, all];
}

export async function requests(client: Client): Promise<string> {
  const users = await client.get("/users").json<{ name: string }[]>();
  const response: Response = await client.post("/users", { json: users, query: { page: 1 }, timeout: 1_000 });
  // @ts-expect-error: no such option
  client.get("/users", { heders: {} });
  return response.statusText;
}

/** A `switch` over all kinds is exhaustive. */
export function told(kind: ErrorKind): string {
  switch (kind) {
    case "LoginRequired":
    case "SignedOut":
    case "RefreshFailed":
    case "RefreshLimited":
    case "RateLimited":
    case "Timeout":
    case "Connection":
    case "StoreUnavailable":
    case "InvalidConfig":
    case "ClientRejected":
    case "InvalidResponse":
    case "HttpStatus":
    case "GraphQL":
    case "TooManyRedirects":
    case "Misuse":
    case "System":
      return kind;
  }
}

export async function sessions(error: unknown): Promise<number | undefined> {
  const app = new App({ tokenUrl: "https://auth.example.com/token" });
  const session: Session = app.session("ada");
  session.on("loginRequired", ({ reason }) => reason);
  // @ts-expect-error: no such event
  session.on("loginRequird", () => undefined);
  const likeFetch: typeof fetch = session.fetch;
  await likeFetch("https://api.example.com");
  return error instanceof RekindleError ? error.retryAfter : undefined;
}
