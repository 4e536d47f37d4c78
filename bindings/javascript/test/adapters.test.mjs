/** What axios and undici do beside a plain request: redirects, time limits, verdicts, errors of their own. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, beforeEach, test } from "node:test";
import { inspect } from "node:util";

import axios from "axios";
import { Agent, errors, FormData, interceptors, request } from "undici";

import { judged, Session } from "rekindle";
import { install } from "rekindle/axios";
import { interceptor } from "rekindle/undici";

import { startApi } from "./support/api.mjs";

let api, session, elsewhere;

before(async () => {
  api = await startApi({
    "/away": (_, __, response) => response.writeHead(307, { location: `${elsewhere.url}/there` }).end(),
    "/denied": (_, send) => send(403, { why: "no" }),
  });
  // Leads back home, where nothing of ours comes along any more.
  elsewhere = { seen: [] };
  elsewhere.server = createServer(({ headers }, response) => {
    elsewhere.seen.push(headers);
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  await new Promise((resolve) => elsewhere.server.listen(0, "127.0.0.1", resolve));
  elsewhere.url = `http://127.0.0.1:${elsewhere.server.address().port}`;
});
after(() => {
  api.stop();
  elsewhere.server.closeAllConnections();
  elsewhere.server.close();
});
beforeEach(() => {
  elsewhere.seen.length = 0;
  session = new Session(api.options({ tokens: { accessToken: "AT-2", refreshToken: "RT-2" } }));
});

const OWN = { "X-Otp": "1", DPoP: "1", api_key: "1", "X-My-Jwt-Assertion": "1", "Accept-Language": "de" };

/** A session whose refresh never ends. */
const stuck = () => new Session(api.options({ refresh: () => new Promise(() => undefined), tokens: { accessToken: "AT-1", refreshToken: "RT-1", expiresAt: 1 } }));

// spec 9.5
test("where axios follows a redirect away, no credential goes along", async () => {
  const client = axios.create({ adapter: "http", baseURL: api.url });
  install(client, session);
  const heard = [];
  const response = await client.get("/away", { headers: OWN, beforeRedirect: ({ href }) => void heard.push(href) });
  assert.equal(response.status, 200);
  const [headers] = elsewhere.seen;
  assert.equal(headers["accept-language"], "de");
  for (const name of ["authorization", "x-otp", "dpop", "api_key", "x-my-jwt-assertion"]) assert.equal(headers[name], undefined, name);
  assert.deepEqual(heard, [`${elsewhere.url}/there`]);
});

// spec 9.5
test("a token in a header of its own goes along with no redirect that is followed unseen", async () => {
  const dialect = { token: { header: "x-token", scheme: "" } };
  const own = new Session(api.options({ dialect, tokens: { accessToken: "AT-2", refreshToken: "RT-2" } }));
  const client = axios.create({ adapter: "fetch", baseURL: api.url });
  install(client, own);
  await assert.rejects(client.get("/away"), { kind: "InvalidConfig", message: /follows redirects unseen/ });
  assert.equal(elsewhere.seen.length, 0);
});

const LOGIN = { api: { rules: [{ status: "3xx", location: true, equals: "/login", verdict: "expired", applied: "no" }] } };

// spec 2.11
test("a redirect to the login page refreshes, and is not followed", async () => {
  const pages = [];
  const server = createServer(({ url, headers }, response) => {
    pages.push(url);
    if (url === "/token") return void response.writeHead(200, { "content-type": "application/json" }).end(`{"access_token":"AT-2","refresh_token":"RT-2","expires_in":900}`);
    const over = url === "/never" || headers.authorization === "Bearer AT-1";
    response.writeHead(over ? 302 : 200, over ? { location: "/login?next=1" } : {}).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const ways = {
    fetch: (own) => async (path) => {
      const response = await own.fetch(url + path);
      return [response.status, judged(response)?.replayRefused];
    },
    axios: (own) => {
      const client = axios.create({ adapter: "http", baseURL: url, validateStatus: () => true });
      install(client, own);
      return async (path) => {
        const response = await client.get(path);
        return [response.status, judged(response)?.replayRefused];
      };
    },
    undici: (own) => {
      let told;
      const dispatcher = new Agent().compose(interceptor(own, { onJudged: (one) => (told = one) }), interceptors.redirect({ maxRedirections: 5 }));
      return async (path) => {
        const response = await request(url + path, { dispatcher });
        await response.body.dump();
        return [response.statusCode, told?.replayRefused];
      };
    },
  };
  for (const [name, way] of Object.entries(ways)) {
    for (const [path, told] of [["/page", [200, undefined]], ["/never", [302, "fresh_token_rejected"]]]) {
      pages.length = 0;
      const own = new Session({ dialect: LOGIN, tokenUrl: `${url}/token`, tokens: { accessToken: "AT-1", refreshToken: "RT-1" }, origins: [url], alone: true });
      assert.deepEqual(await way(own)(path), told, name);
      assert.deepEqual(pages, [path, "/token", path], name);
    }
  }
  server.closeAllConnections();
  server.close();
});

// spec 3.5
test("axios' responses tell their verdict, and errors are axios' too", async () => {
  const client = axios.create({ adapter: "http", baseURL: api.url, validateStatus: () => true });
  install(client, session);
  assert.equal(judged(await client.get("/data")).verdict.name, "accepted");
  assert.equal(judged(await client.get("/denied")).verdict.name, "denied");
  await session.signOut();
  const error = await client.get("/data").then(() => assert.fail(), (error) => error);
  assert.equal(error.kind, "SignedOut");
  assert.equal(axios.isAxiosError(error), true);
  assert.doesNotMatch(inspect(error), /AT-|RT-/);
});

test("axios' and undici's time limits bound the wait for a refresh, and so do their signals", async () => {
  const client = axios.create({ adapter: "http", baseURL: api.url });
  install(client, stuck());
  await assert.rejects(client.get("/data", { timeout: 20 }), { kind: "Timeout", code: "ECONNABORTED" });
  const dispatcher = new Agent().compose(interceptor(stuck()));
  await assert.rejects(request(`${api.url}/data`, { dispatcher, headersTimeout: 20 }), { kind: "Timeout" });
  const gone = new AbortController();
  const asking = request(`${api.url}/data`, { dispatcher, signal: gone.signal });
  gone.abort(new Error("enough"));
  await assert.rejects(asking, /enough/);
  await dispatcher.close();
});

test("undici's forms and blobs are sent again, and verdicts are told", async () => {
  const told = [];
  const dispatcher = new Agent().compose(interceptor(session, { onJudged: (one) => told.push([one.path, one.status, one.verdict?.name, one.replayRefused]) }));
  const form = new FormData();
  form.append("name", "Ada");
  for (const body of [form, new Blob(["of a blob"]), "of a text"]) {
    api.valid += 1;
    const response = await request(`${api.url}/echo`, { dispatcher, method: "POST", body });
    assert.match((await response.body.json()).body, /Ada|of a/);
  }
  api.valid += 1;
  async function* once() {
    yield Buffer.from("once");
  }
  const response = await request(`${api.url}/echo`, { dispatcher, method: "POST", body: once() });
  await response.body.dump();
  assert.deepEqual(told.at(-1), ["/echo", 401, "expired", "body_not_replayable"]);
  await session.signOut();
  const error = await request(`${api.url}/data`, { dispatcher }).then(() => assert.fail(), (error) => error);
  assert.equal(error instanceof errors.UndiciError, true);
  assert.equal(error.kind, "SignedOut");
  await dispatcher.close();
});

// spec 9.5
test("a redirect that undici follows below the interceptor is not signed, and one above goes without the token", async () => {
  const below = new Agent().compose(interceptors.redirect({ maxRedirections: 3 }), interceptor(session));
  await assert.rejects(request(`${api.url}/away`, { dispatcher: below }), { kind: "InvalidConfig", message: /below this interceptor/ });
  assert.equal(elsewhere.seen.length, 0);
  await below.close();
  const above = new Agent().compose(interceptor(session), interceptors.redirect({ maxRedirections: 3 }));
  const response = await request(`${api.url}/away`, { dispatcher: above });
  await response.body.dump();
  assert.equal(elsewhere.seen[0].authorization, undefined);
  await above.close();
});

// spec 5.19
test("what a refresh function threw is the cause, and what it must give is said", async () => {
  const refreshed = (refresh) => new Session(api.options({ refresh })).refresh().then(() => assert.fail(), (error) => error);
  const own = new TypeError("a text with SECRET");
  const error = await refreshed(() => Promise.reject(own));
  assert.equal(error.cause, own);
  assert.match(error.message, /threw TypeError/);
  assert.doesNotMatch(error.message, /SECRET/);
  for (const [given, said] of [[undefined, "undefined"], [null, "null"], [42, "number"], [{ access_token: "AT" }, "an object without accessToken"]]) {
    assert.match((await refreshed(async () => given)).message, new RegExp(`returned ${said}: return \\{ accessToken`));
  }
});

// spec 11.4
test("a copy of a client's answer keeps to the limit, too", async () => {
  const { Client } = await import("rekindle");
  const client = new Client(session, { baseUrl: api.url, maxBodyBytes: 10 });
  const response = await client.get("/data");
  await assert.rejects(response.clone().text(), { kind: "InvalidResponse", message: /maxBodyBytes/ });
});
