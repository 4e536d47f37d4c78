/** `Client`: what it adds to `session.fetch`. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inspect } from "node:util";

import { App, Client, judged, MemoryStore, RekindleError, Session } from "rekindle";

import { newDriver } from "../dist/session.js";
import { ManualClock } from "./conformance/clock.mjs";
import { startApi } from "./support/api.mjs";

let api;
before(async () => {
  let broken = 0;
  api = await startApi({
    "/v1/broken": (_, send) => (++broken % 2 === 1 ? send(503, {}, { "retry-after": "0" }) : send(200, { ok: true })),
    "/v1/missing": (_, send) => send(404, { reason: "no such user", echo: "AT-3" }),
    "/v1/never": () => undefined,
    "/v1/trickle": (_, __, response) => void response.writeHead(200, { "content-type": "application/json" }).write("[1"),
    "/v1/nonsense": (_, send) => send(200, "{nonsense AT-3"),
    "/v1/large": (_, send) => send(200, JSON.stringify("x".repeat(100_000))),
    "/v1/graphql": ({ body }, send) => {
      const { query, variables } = JSON.parse(body);
      if (query.includes("broken")) return send(200, { errors: [{ message: "no such field", extensions: { code: "BAD" }, path: ["me"] }] });
      send(200, { data: { query, variables } });
    },
  });
});
after(() => api.stop());

/** Looks until it has come; the test's own time limit ends it. */
const until = async (come) => {
  while (!come()) await new Promise((resolve) => setImmediate(resolve));
};

const started = (options, client) => new Client(new Session(api.options(options)), { baseUrl: `${api.url}/v1`, ...client });

test("the statuses after which a request is sent again are the client's", async () => {
  let served = 0;
  api.routes["/v1/failing"] = (_, send) => send((served += 1) % 2 === 1 ? 500 : 200, {}, { "retry-after": "0" });
  const client = started({}, { retries: { statuses: [500], baseDelay: 0 } });
  assert.equal((await client.get("/failing")).status, 200);
  assert.deepEqual([served, (await client.session.stats()).retries], [2, 1]);
  const usual = started();
  assert.equal((await usual.get("/failing")).status, 500);
  assert.equal(served, 3);
  api.routes["/v1/away"] = (_, send) => send(503, {});
  assert.equal((await client.get("/away")).status, 503);
  assert.equal((await client.session.stats()).retries, 1);
});

test("two hundred requests of a client make one refresh", async () => {
  const client = started();
  const all = await Promise.all(Array.from({ length: 200 }, () => client.get("/data").json()));
  assert.equal(all[199].path, "/v1/data");
  assert.equal(api.refreshes(), 1);
});

test("json, form, query and default headers go as they should", async () => {
  const client = started({}, { headers: { "accept-language": "de" } });
  const query = { class: "4b", page: [1, 2], none: undefined };
  const made = await client.post("/users?x=1", { json: { name: "Ada" }, query, headers: { "x-count": 3 } }).json();
  assert.deepEqual([made.search, made.body], ["?x=1&class=4b&page=1&page=2", '{"name":"Ada"}']);
  const { headers } = api.seen.at(-1);
  assert.deepEqual([headers["accept-language"], headers["content-type"], headers["x-count"]], ["de", "application/json", "3"]);
  assert.equal((await client.put("/form", { form: { a: "1 2" } }).json()).body, "a=1+2");
  assert.equal(await client.delete("/users/7").ok().then((response) => response.status), 200);
  assert.equal((await client.get("/text").text()).includes("/v1/text"), true);
  assert.equal((await client.get("/bytes").bytes()) instanceof Uint8Array, true);
  assert.equal(api.refreshes(), 1);
});

test("what fails in passing is sent again, as often as the core says", async () => {
  const client = started();
  assert.deepEqual(await client.get("/broken").json(), { ok: true });
  assert.equal((await client.session.stats()).retries, 1);
  const once = started({}, { retries: 1 });
  assert.equal((await once.get("/broken")).status, 503);
  await once.get("/broken").ok();
  const post = started();
  assert.equal((await post.post("/broken", { json: {} })).status, 503);
  assert.equal((await post.post("/broken", { json: {} })).status, 200);
  assert.equal((await post.post("/broken", { json: {}, idempotencyKey: "order-17" })).status, 200);
  assert.equal(api.seen.filter((one) => one.headers["idempotency-key"] === "order-17").length, 2);
});

test("an error status is an error where the body is asked for, with its response", async () => {
  const client = started();
  assert.equal((await client.get("/missing")).status, 404);
  const error = await client.get("/missing").json().then(() => assert.fail(), (error) => error);
  assert(error instanceof RekindleError);
  assert.deepEqual([error.kind, error.status, error.retryable], ["HttpStatus", 404, false]);
  assert.equal(error.response.json().reason, "no such user");
  assert.equal(error.response.verdict.name, "accepted");
  for (const shown of [inspect(error, { depth: 9 }), JSON.stringify(error), String(error)]) assert.doesNotMatch(shown, /AT-3/);
  const nonsense = await client.get("/nonsense").json().then(() => assert.fail(), (error) => error);
  assert.equal(nonsense.kind, "InvalidResponse");
  assert.doesNotMatch(inspect(nonsense, { depth: 9 }), /AT-3/);
  const refused = await started({ tokens: undefined }).get("/data").json().then(() => assert.fail(), (error) => error);
  assert.equal(refused.kind, "LoginRequired");
});

test("one deadline holds for the answer and for its body", async () => {
  const [clock, begun] = [new ManualClock(), []];
  const noted = async (...asked) => {
    const response = await fetch(...asked);
    begun.push(new URL(response.url).pathname);
    return response;
  };
  const client = new Client(new Session(api.options({ fetch: noted }), await newDriver(clock)), { baseUrl: `${api.url}/v1`, retries: 1 });
  await client.get("/data").json();
  const never = client.get("/never", { timeout: 30 }).json().catch((error) => error);
  await until(() => api.seen.at(-1).path === "/v1/never");
  clock.advance(30);
  const { name, kind, retryable } = await never;
  assert.deepEqual([name, kind, retryable], ["RekindleError", "Timeout", true]);
  const trickle = client.get("/trickle", { timeout: 300 }).json().catch((error) => error);
  await until(() => begun.at(-1) === "/v1/trickle");
  clock.advance(300);
  assert.equal((await trickle).kind, "Timeout");
  const reason = new Error("the user left");
  const controller = new AbortController();
  const left = client.get("/never", { signal: controller.signal }).json();
  await until(() => api.seen.at(-1).path === "/v1/never");
  controller.abort(reason);
  await assert.rejects(left, (error) => error === reason);
  await assert.rejects(client.get("/x", { signal: AbortSignal.abort(reason) }).json(), (error) => error === reason);
});

test("the deadline of a body that nobody reads keeps no process alive", async () => {
  class Watched extends ManualClock {
    at(mono, call, waited) {
      this.waited = waited;
      return super.at(mono, call);
    }
  }
  const clock = new Watched();
  const client = new Client(new Session(api.options(), await newDriver(clock)), { baseUrl: `${api.url}/v1`, retries: 1 });
  assert.equal((await client.get("/missing")).status, 404);
  assert.deepEqual([clock.left(), clock.waited], [60_000, false]);
});

test("a body that is read whole has a limit, and one that is streamed has none", async () => {
  const client = started({}, { maxBodyBytes: 1_000 });
  await assert.rejects(client.get("/large").json(), { kind: "InvalidResponse", message: /longer than 1000 bytes/ });
  const response = await client.get("/large", { streamed: true });
  let length = 0;
  for await (const chunk of response.body) length += chunk.length;
  assert.equal(length, 100_002);
  assert.equal(judged(response).verdict.name, "accepted");
  const twice = await client.get("/data");
  await twice.json();
  await assert.rejects(twice.json(), { kind: "Misuse" });
});

test("graphql gives data or a typed error", async () => {
  const client = started();
  const data = await client.graphql("query Me($id: ID!) { me(id: $id) { name } }", { id: "7" });
  assert.deepEqual(data.variables, { id: "7" });
  const document = { kind: "Document", definitions: [], loc: { source: { body: "{ typed }" } } };
  assert.equal((await client.graphql(document)).query, "{ typed }");
  assert.equal((await client.graphql(new String("{ coded }"))).query, "{ coded }");
  const error = await client.graphql("{ broken }").then(() => assert.fail(), (error) => error);
  assert.deepEqual([error.kind, error.graphql], ["GraphQL", [{ message: "no such field", code: "BAD", path: "me" }]]);
  await assert.rejects(client.graphql({}), { kind: "InvalidConfig", message: /print/ });
});

test("client.fetch is a fetch with retries, a base URL and a deadline", async () => {
  const client = started();
  assert.equal((await (await client.fetch("/data")).json()).path, "/v1/data");
  const request = new Request(`${api.url}/v1/data`, { method: "PUT", body: "of a request" });
  assert.equal((await (await client.fetch(request)).json()).body, "of a request");
  assert.equal((await client.fetch("/broken")).status, 200);
});

test("what is wrong with a request is told by name, and its value is not", async () => {
  const client = started();
  const told = async (work, pattern) => assert.rejects(async () => work(), (error) => {
    assert(error instanceof RekindleError, inspect(error));
    assert.equal(error.kind, "InvalidConfig");
    assert.match(error.message, pattern);
    assert.doesNotMatch(inspect(error), /SECRET/);
    return true;
  });
  await told(() => client.get("/../admin").json(), /leaves the baseUrl/);
  await told(() => client.get("/a/%2e%2e/%2E%2e/admin").json(), /leaves the baseUrl/);
  await told(() => client.get("/x", { heders: {} }).json(), /heders is no option: did you mean headers/);
  await told(() => client.get("/x", { headers: { "x-a": { SECRET: 1 } } }).json(), /x-a must be text, it is object/);
  await told(() => client.get("/x", { headers: { "x-a": "SECRET\r\nx: y" } }).json(), /x-a cannot be sent/);
  await told(() => client.get("/x", { timeout: "soon" }).json(), /timeout must be a number/);
  await told(() => client.post("/x", { json: { a: 1n } }).json(), /cannot be written as JSON/);
  await told(() => client.post("/x", { json: {}, body: "x" }).json(), /one body/);
  await told(() => new Client(client.session, { baseURL: api.url }), /did you mean baseUrl/);
  await told(() => new Client(client.session, { retries: { maxSend: 1 } }), /did you mean retries.maxSends/);
  await told(() => new Client(client.session, { retries: { statuses: [200] } }), /200 is no status of an error, give 400 to 599/);
  await told(() => new Client(client.session, { retries: { statuses: 500 } }), /must be a list of statuses/);
  await told(() => new Client(client.session, { baseUrl: "nowhere" }), /baseUrl/);
  await told(() => client.session.on("loginRequird", () => undefined), /known are .*loginRequired/);
  assert.equal(api.seen.length, 0);
});

test("an app keeps a session for each user, in one store", async () => {
  const app = new App(withoutTokens(api.options({ store: new MemoryStore("app") })));
  const heard = [];
  app.on("signedIn", (key) => heard.push(key));
  await app.session("ada").signIn({ accessToken: "AT-2", refreshToken: "RT-2" });
  await app.session("bob").signIn({ accessToken: "AT-1", refreshToken: "RT-1" });
  assert.equal(app.session("ada"), app.session("ada"));
  assert.equal((await app.session("ada").token()).value, "AT-2");
  assert.equal((await app.session("bob").fetch(`${api.url}/data`)).status, 200);
  assert.deepEqual(heard, ["ada", "bob"]);
  assert.equal((await app.stats()).refreshes, 1);
  assert.equal(app.sessionsInMemory, 2);
  await assert.rejects(app.session("eve").token(), { kind: "LoginRequired" });
  assert.throws(() => new App({ tokens: {} }), { kind: "InvalidConfig" });
  assert.equal(await app.shutdown(), true);
});

const withoutTokens = ({ tokens: _, ...rest }) => rest;

test("events come to those who listen by name, and one after the other to those who iterate", async () => {
  const session = new Session(api.options());
  const heard = [];
  const stop = session.on("refreshSucceeded", (event) => heard.push(event.generation));
  const iterated = [];
  const iterating = (async () => {
    for await (const event of session.events()) {
      iterated.push(event.name);
      if (event.name === "SignedOut") break;
    }
  })();
  await session.fetch(`${api.url}/data`);
  stop();
  await session.refresh({ force: true });
  await session.signOut();
  await iterating;
  assert.equal(heard.length, 1);
  assert.deepEqual(iterated.slice(0, 4), ["SignedIn", "RefreshStarted", "RefreshSucceeded", "Replayed"]);
  const gone = new AbortController();
  const rest = session.events({ signal: gone.signal })[Symbol.asyncIterator]().next();
  gone.abort();
  assert.equal((await rest).done, true);
});
