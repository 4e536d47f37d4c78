/** The libraries that people have, on `session.fetch`: with a dead token, two requests at once make one refresh. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import { Session } from "rekindle";
import { install } from "rekindle/axios";
import { eventStream, sockets } from "rekindle/live";
import { interceptor } from "rekindle/undici";

import { startApi } from "./support/api.mjs";

let api, session;
const graphql = ({ body }, send) => {
  const asked = JSON.parse(body);
  send(200, { data: { me: { __typename: "User", name: "Ada" } }, extensions: { query: asked.query } });
};

before(async () => {
  api = await startApi({
    "/graphql": graphql,
    "/users": (_, send) => send(200, [{ name: "Ada" }]),
    "/trpc/me": (_, send) => send(200, { result: { data: { name: "Ada" } } }),
    "/userinfo": (_, send) => send(200, { sub: "ada" }),
  });
});
after(() => api.stop());
beforeEach(() => void (session = new Session(api.options())));

/** Twice at once, with a dead token. */
async function twice(ask, wanted) {
  const answers = await Promise.all([ask(), ask()]);
  for (const answer of answers) assert.deepEqual(answer, wanted);
  assert.equal(api.refreshes(), 1);
}

test("axios, by its fetch adapter", async () => {
  const { default: axios } = await import("axios");
  const client = axios.create({ adapter: "fetch", env: { fetch: session.fetch, Request, Response }, baseURL: api.url });
  await twice(async () => (await client.get("/users")).data, [{ name: "Ada" }]);
  assert.equal((await client.post("/echo", { name: "Ada" })).data.body, '{"name":"Ada"}');
});

test("axios, by its http adapter and an interceptor", async () => {
  const { default: axios } = await import("axios");
  const client = axios.create({ adapter: "http", baseURL: api.url });
  const remove = install(client, session);
  await twice(async () => (await client.get("/users")).data, [{ name: "Ada" }]);
  const echo = await client.post("/echo", { name: "Ada" }, { params: { page: 1 } });
  assert.deepEqual([echo.data.body, echo.data.search], ['{"name":"Ada"}', "?page=1"]);
  api.valid += 1;
  assert.equal((await client.post("/echo", { again: true })).data.body, '{"again":true}');
  const own = await client.get("/users", { headers: { Authorization: "Bearer mine" }, validateStatus: () => true });
  assert.equal(own.status, 401);
  await session.signOut();
  await assert.rejects(client.get("/users"), { kind: "SignedOut" });
  remove();
  assert.equal((await client.get("/users", { validateStatus: () => true })).status, 401);
});

test("ky", async () => {
  const { default: ky } = await import("ky");
  const client = ky.create({ fetch: session.fetch, prefixUrl: api.url });
  await twice(() => client.get("users").json(), [{ name: "Ada" }]);
  assert.equal((await client.post("echo", { json: { name: "Ada" } }).json()).body, '{"name":"Ada"}');
  api.valid += 1;
  assert.equal((await client.put("echo", { json: { name: "Bob" } }).json()).body, '{"name":"Bob"}');
});

test("graphql-request", async () => {
  const { GraphQLClient } = await import("graphql-request");
  const client = new GraphQLClient(`${api.url}/graphql`, { fetch: session.fetch });
  await twice(() => client.request("{ me { name } }"), { me: { __typename: "User", name: "Ada" } });
});

test("Apollo's HttpLink", async () => {
  const { ApolloClient, gql, HttpLink, InMemoryCache } = await import("@apollo/client");
  const client = new ApolloClient({ link: new HttpLink({ uri: `${api.url}/graphql`, fetch: session.fetch }), cache: new InMemoryCache() });
  const query = gql`{ me { name } }`;
  await twice(async () => (await client.query({ query, fetchPolicy: "no-cache" })).data, { me: { __typename: "User", name: "Ada" } });
  client.stop();
});

test("urql", async () => {
  const { Client, fetchExchange, gql } = await import("@urql/core");
  const client = new Client({ url: `${api.url}/graphql`, fetch: session.fetch, exchanges: [fetchExchange], preferGetMethod: false });
  const query = gql`{ me { name } }`;
  await twice(async () => (await client.query(query, {}).toPromise()).data, { me: { __typename: "User", name: "Ada" } });
});

test("openid-client's customFetch", async () => {
  const oauth = await import("openid-client");
  const server = { issuer: api.url, userinfo_endpoint: `${api.url}/userinfo` };
  const config = new oauth.Configuration(server, "app");
  oauth.allowInsecureRequests(config);
  // It brings its own Authorization header, which is left alone; the session's takes its place.
  config[oauth.customFetch] = (url, { headers: { authorization: _, ...headers }, ...init }) => session.fetch(url, { ...init, headers });
  await twice(async () => ({ ...(await oauth.fetchUserInfo(config, "unused", "ada")) }), { sub: "ada" });
});

test("TanStack Query's queryFn", async () => {
  const { QueryClient } = await import("@tanstack/query-core");
  const client = new QueryClient({ defaultOptions: { queries: { retry: false, gcTime: 0 } } });
  let key = 0;
  const queryFn = async ({ signal }) => (await session.fetch(`${api.url}/users`, { signal })).json();
  await twice(() => client.fetchQuery({ queryKey: ["users", ++key], queryFn }), [{ name: "Ada" }]);
  client.clear();
});

test("openapi-fetch", async () => {
  const { default: createClient } = await import("openapi-fetch");
  const client = createClient({ baseUrl: api.url, fetch: session.fetch });
  await twice(async () => (await client.GET("/users")).data, [{ name: "Ada" }]);
  api.valid += 1;
  assert.equal((await client.POST("/echo", { body: { name: "Ada" } })).data.body, '{"name":"Ada"}');
});

test("tRPC", async () => {
  const { createTRPCClient, httpLink } = await import("@trpc/client");
  const client = createTRPCClient({ links: [httpLink({ url: `${api.url}/trpc`, fetch: session.fetch })] });
  await twice(() => client.me.query(), { name: "Ada" });
});

test("undici, by an interceptor", async () => {
  const { Agent, request } = await import("undici");
  const dispatcher = new Agent().compose(interceptor(session));
  const ask = async (path, init) => (await request(`${api.url}${path}`, { dispatcher, ...init })).body.json();
  await twice(() => ask("/users"), [{ name: "Ada" }]);
  // Signed without asking the core.
  for (let round = 0; round < 5; round++) assert.deepEqual(await ask("/users"), [{ name: "Ada" }]);
  const post = { method: "POST", headers: { "content-type": "application/json" }, body: '{"name":"Ada"}' };
  assert.equal((await ask("/echo", post)).body, '{"name":"Ada"}');
  // The token ends under way.
  api.valid += 1;
  const all = await Promise.all(Array.from({ length: 50 }, () => ask("/echo", post)));
  assert.equal(all[49].body, '{"name":"Ada"}');
  assert.equal(api.refreshes(), 2);
  const own = await request(`${api.url}/users`, { dispatcher, headers: { authorization: "Bearer mine" } });
  assert.equal(own.statusCode, 401);
  await own.body.dump();
  const elsewhere = await request(`${api.url.replace("127.0.0.1", "localhost")}/users`, { dispatcher });
  assert.equal(api.seen.at(-1).token, undefined);
  await elsewhere.body.dump();
  await session.signOut();
  await assert.rejects(request(`${api.url}/users`, { dispatcher }), { kind: "SignedOut" });
  await dispatcher.close();
});

test("server-sent events connect anew with a token that is valid then", async () => {
  let connections = 0;
  api.routes["/events"] = ({ headers }, send, response) => {
    connections += 1;
    if (connections === 4) return response.writeHead(204).end();
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`retry: 1\r\nid: ${connections}\nevent: tick\ndata: after ${headers["last-event-id"] ?? "nothing"}\ndata: more\n\n`);
    // The connection breaks, and the token with it.
    setImmediate(() => {
      api.valid += 1;
      response.end(": a comment\n\ndata: never com");
    });
  };
  const heard = [];
  for await (const event of eventStream(session, `${api.url}/events`)) heard.push(event);
  assert.deepEqual(heard, [
    { event: "tick", data: "after nothing\nmore", id: "1" },
    { event: "tick", data: "after 1\nmore", id: "2" },
    { event: "tick", data: "after 2\nmore", id: "3" },
  ]);
  assert.equal(connections, 4);
  assert.equal(api.refreshes(), 4);
});

test("EventSource of the package eventsource takes session.fetch", async () => {
  const { EventSource } = await import("eventsource");
  api.routes["/events"] = (_, __, response) => void response.writeHead(200, { "content-type": "text/event-stream" }).write("data: hello\n\n");
  const source = new EventSource(`${api.url}/events`, { fetch: session.fetch });
  const { data } = await new Promise((resolve) => source.addEventListener("message", resolve, { once: true }));
  source.close();
  assert.equal(data, "hello");
  assert.equal(api.refreshes(), 1);
});

test("a WebSocket connects with a fresh token each time", async () => {
  const { WebSocket, WebSocketServer } = await import("ws");
  const server = new WebSocketServer({ server: api.server, path: "/live" });
  const tokens = [];
  server.on("connection", (socket, request) => {
    const token = request.headers.authorization.replace("Bearer ", "");
    tokens.push(token);
    if (token !== `AT-${api.valid}`) return socket.close(4401);
    socket.send(`hello ${token}`);
  });
  const url = `${api.url.replace("http", "ws")}/live`;
  const heard = [];
  const open = (token) => {
    const socket = new WebSocket(url, { headers: { authorization: token.authorization } });
    // Here, where no message can be missed.
    socket.addEventListener("message", ({ data }) => {
      heard.push(data);
      // The server ends it, and the token.
      if (heard.length === 1) api.valid += 1;
      for (const client of server.clients) client.terminate();
    });
    return socket;
  };
  for await (const _ of sockets(session, open, { retry: 1 })) {
    if (heard.length === 2) break;
  }
  server.close();
  assert.deepEqual(heard.slice(0, 2), ["hello AT-3", "hello AT-5"]);
  assert.deepEqual(tokens.slice(0, 4), ["AT-1", "AT-3", "AT-3", "AT-5"]);
});
