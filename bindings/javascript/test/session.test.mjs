import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { inspect } from "node:util";

import { newDriver } from "../dist/session.js";
import { judged, NotSent, RekindleError, Session } from "rekindle";

/** A server whose tokens are AT-1, AT-2, ..; it accepts the newest one alone. */
let server, url, seen, valid;

before(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      const { pathname } = new URL(request.url, url);
      const token = request.headers.authorization?.replace("Bearer ", "");
      seen.push({ path: pathname, method: request.method, token, body, headers: request.headers });
      const send = (status, json, headers = {}) =>
        response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(json));
      if (pathname === "/token") {
        valid += 1;
        return setTimeout(() => send(200, { access_token: `AT-${valid}`, refresh_token: `RT-${valid}` }), 20);
      }
      if (pathname === "/elsewhere") {
        return response.writeHead(302, { location: `${url.replace("127.0.0.1", "localhost")}/data` }).end();
      }
      if (pathname === "/moved") return response.writeHead(307, { location: "/data" }).end();
      if (token !== `AT-${valid}`) return send(401, { error: "expired" });
      if (pathname === "/never") return;
      send(200, { path: pathname, body });
    });
  });
  // An idle connection that is closed while it is taken for the next request would be a failure of its own.
  server.keepAliveTimeout = 600_000;
  // A thousand connections at once, which this process accepts only between its other work.
  await new Promise((resolve) => server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, resolve));
  url = `http://127.0.0.1:${server.address().port}`;
});

after(() => {
  server.closeAllConnections();
  server.close();
});

/** A session whose token has ended, as far as the server knows. */
function started(options = {}) {
  seen = [];
  valid = 2;
  return new Session({
    tokenUrl: `${url}/token`,
    clientId: "app",
    tokens: { accessToken: "AT-1", refreshToken: "RT-1" },
    origins: [url],
    ...options,
  });
}

const refreshes = () => seen.filter((one) => one.path === "/token").length;

test("two hundred promises make one refresh", async () => {
  const session = started();
  const all = await Promise.all(Array.from({ length: 200 }, () => session.fetch(`${url}/data`)));
  assert.deepEqual([...new Set(all.map((response) => response.status))], [200]);
  assert.equal((await all[199].json()).path, "/data");
  assert.equal(refreshes(), 1);
  assert.equal(seen.length, 1 + 2 * 200);
});

test("a token is there at once, and shows nothing of itself", async () => {
  const session = started();
  const token = await session.token();
  assert.equal(token.value, "AT-1");
  assert.equal(token.authorization, "Bearer AT-1");
  assert.equal(session.tokenIfValid(), session.tokenIfValid());
  assert.throws(() => `${token}`, /a token is no text/);
  for (const shown of [inspect(token), JSON.stringify({ token }), inspect(session), JSON.stringify(session)]) {
    assert.doesNotMatch(shown, /AT-1|RT-1/);
  }
  assert.equal(seen.length, 0);
});

test("a body that can be read again is sent again, and one that can't is not", async () => {
  const bodies = [
    "text",
    new URLSearchParams({ a: "1" }),
    new TextEncoder().encode("bytes"),
    new Blob(["blob"]),
  ];
  for (const body of bodies) {
    const session = started();
    const response = await session.fetch(`${url}/data`, { method: "PUT", body });
    const { body: echoed } = await response.json();
    assert.equal(echoed, seen[0].body);
    assert.notEqual(echoed, "");
    assert.equal(seen.length, 3);
  }
  const session = started();
  const request = new Request(`${url}/data`, { method: "PUT", body: "of a request" });
  assert.equal((await (await session.fetch(request)).json()).body, "of a request");
  const stream = new Blob(["once"]).stream();
  valid += 1;
  const response = await session.fetch(`${url}/data`, { method: "PUT", body: stream, duplex: "half" });
  assert.equal(response.status, 401);
  const { verdict, replayRefused, redirects } = judged(response);
  assert.deepEqual([verdict.name, verdict.reason, replayRefused, redirects], ["expired", "unknown", "body_not_replayable", 0]);
});

test("a redirect is followed, with the token at the same origin alone", async () => {
  const session = started();
  const response = await session.fetch(`${url}/moved`);
  assert.equal(response.status, 200);
  assert.equal(response.redirected, true);
  assert.equal(new URL(response.url).pathname, "/data");
  const other = url.replace("127.0.0.1", "localhost");
  seen = [];
  const elsewhere = await session.fetch(`${other}/data`);
  assert.equal(elsewhere.status, 401);
  assert.equal(seen[0].token, undefined);
  assert.equal((await session.fetch(`${url}/moved`, { redirect: "manual" })).status, 307);
  await assert.rejects(session.fetch(`${url}/moved`, { redirect: "error" }), TypeError);
});

test("where fetch follows redirects unseen, an answer from elsewhere is not taken for the session's", async () => {
  const driver = await newDriver();
  driver.seesRedirects = false;
  seen = [];
  valid = 1;
  const options = { tokenUrl: `${url}/token`, tokens: { accessToken: "AT-1", refreshToken: "RT-1" }, origins: [url] };
  const session = new Session(options, driver);
  const response = await session.fetch(`${url}/elsewhere`);
  assert.deepEqual([response.status, response.redirected], [401, true]);
  assert.equal(seen[1].token, undefined);
  assert.equal(refreshes(), 0);
  const dialect = { name: "own", token: { header: "x-token", scheme: "" } };
  const ownHeader = new Session({ ...options, dialect }, driver);
  await assert.rejects(ownHeader.fetch(`${url}/data`), { kind: "InvalidConfig", message: /follows redirects unseen/ });
});

test("a thousand promises, and leaders that are aborted: one refresh for each ended token", async () => {
  // On a machine that is busy with other things they take longer than the usual wait.
  const session = started({ waitTimeout: 600_000 });
  for (let round = 0; round < 5; round++) {
    const before = refreshes();
    const controllers = Array.from({ length: 1000 }, () => new AbortController());
    const all = controllers.map((controller) => session.fetch(`${url}/data`, { signal: controller.signal }));
    const settled = Promise.allSettled(all);
    while (refreshes() === before) await new Promise((resolve) => setTimeout(resolve, 1));
    for (const controller of controllers.slice(0, 500)) controller.abort();
    const reasons = (await settled).slice(500).filter((one) => one.value?.status !== 200).map(({ reason, value }) => value?.status ?? `${reason} ${reason.cause}`);
    assert.deepEqual([...new Set(reasons)], []);
    assert.equal(refreshes(), before + 1);
    // The token ends again.
    valid += 1;
  }
});

test("an aborted call rejects with its reason, and the refresh goes on for the others", async () => {
  const session = started();
  const controller = new AbortController();
  const reason = new Error("the user left");
  const aborted = session.fetch(`${url}/data`, { signal: controller.signal });
  const other = session.fetch(`${url}/data`);
  while (refreshes() === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  controller.abort(reason);
  await assert.rejects(aborted, (error) => error === reason);
  assert.equal((await other).status, 200);
  assert.equal(refreshes(), 1);
  const hanging = session.fetch(`${url}/never`, { signal: AbortSignal.timeout(20) });
  await assert.rejects(hanging, { name: "TimeoutError" });
});

test("errors are typed and show no token", async () => {
  const session = started({ refresh: async () => { throw new NotSent("no network yet"); }, waitTimeout: 50 });
  session.invalidate();
  const error = await session.token().then(() => assert.fail(), (error) => error);
  assert(error instanceof RekindleError);
  assert.equal(error.retryable, true);
  assert(["RefreshFailed", "Timeout"].includes(error.kind), error.kind);
  assert.doesNotMatch(inspect(error), /AT-1|RT-1/);
});

test("what is wrong in the options is told at once", () => {
  const wrong = (options) => () => new Session(options);
  assert.throws(wrong({ tokenURL: url }), /tokenURL is no option: did you mean tokenUrl/);
  assert.throws(wrong({ dialect: "nobody" }), /there is no preset `nobody`; use one of .*keycloak/);
  assert.throws(wrong({ tokenUrl: "nowhere" }), (error) => error.kind === "InvalidConfig" && /tokenUrl/.test(error.message));
  assert.throws(wrong({ tokenUrl: url, tokens: { access_token: "AT-1" } }), /did you mean tokens.accessToken/);
  assert.throws(wrong({ tokenUrl: url, waitTimeout: -1 }), /milliseconds/);
});

test("events come in order, and a listener that throws harms nobody", async () => {
  const session = started();
  const heard = [];
  session.onEvent((event) => heard.push(event.name));
  await session.fetch(`${url}/data`);
  await session.signOut();
  assert.deepEqual(heard, ["SignedIn", "RefreshStarted", "RefreshSucceeded", "Replayed", "SignedOut"]);
  await assert.rejects(session.token(), { kind: "SignedOut" });
  assert.equal((await session.status()).standing, "signed_out");
  assert.equal(await session.shutdown(), true);
});

test("a refresh function that calls its own session is told so", async () => {
  let told;
  const session = started({
    refresh: async () => {
      told = await session.token().catch((error) => error);
      return { accessToken: "AT-9" };
    },
  });
  assert.equal((await session.forceRefresh()).value, "AT-9");
  assert.equal(told.kind, "Misuse");
});

test("a store of one's own keeps the tokens, by compare-and-save", async () => {
  const records = new Map();
  let version = 0;
  const store = () => ({
    identity: "map",
    async load(key) {
      return records.get(key);
    },
    async save(key, record, expected) {
      const now = records.get(key);
      if ("absent" in expected && now) return undefined;
      if ("version" in expected && now?.version !== expected.version) return undefined;
      version += 1;
      records.set(key, { record, version: String(version) });
      return String(version);
    },
  });
  // Two that share nothing but the store: as two processes.
  const [one, other] = [started({ store: store(), alone: true }), started({ store: store(), alone: true })];
  const responses = await Promise.all([one.fetch(`${url}/data`), other.fetch(`${url}/data`)]);
  assert.deepEqual(responses.map((response) => response.status), [200, 200]);
  assert.equal(refreshes(), 1);
  await one.shutdown();
  assert.match([...records.values()][0].record, /RT-3/);
});

test("a token that is invalidated is not served again, not even at once", async () => {
  const session = started();
  await session.token();
  session.invalidate();
  assert.equal(session.tokenIfValid(), undefined);
  assert.equal((await session.token()).value, "AT-3");
  assert.equal(refreshes(), 1);
});
