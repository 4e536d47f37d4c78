/** Signing in again while calls wait. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { App, Client, discover, MemoryStore, RekindleError, Session, signIn } from "rekindle";
import { startApi } from "./support/api.mjs";
import { Person } from "./support/person.mjs";
import { startProvider } from "./support/provider.mjs";

let api, idp, server;

before(async () => {
  api = await startApi();
  idp = await startProvider();
  server = await discover(idp.url);
});

after(() => {
  api.stop();
  idp.stop();
});

/** What a session needs that nobody is signed in to. */
function nobody(options) {
  const { tokens, ...rest } = api.options(options);
  return rest;
}

const tokens = () => ({ accessToken: `AT-${api.valid}`, refreshToken: "RT-1" });

// spec 12.13
test("twenty calls wait for one sign-in and go on", async () => {
  let asked = 0;
  let open;
  const letOn = new Promise((resolve) => (open = resolve));
  const login = async (session) => {
    asked += 1;
    await letOn;
    await session.signIn(tokens());
  };
  const session = new Session(nobody({ login }));
  const client = new Client(session, { baseUrl: api.url });
  const calls = Array.from({ length: 10 }, () => [session.fetch(`${api.url}/data`), client.get("/data").json()]).flat();
  while (asked === 0) await pause(1);
  open();
  for (const answer of await Promise.all(calls)) assert.ok(answer.status === 200 || answer.path === "/data");
  assert.equal(asked, 1);
});

// spec 12.13
test("tokens that it gives are taken, and it gets the session that is asked", async () => {
  let given;
  const session = new Session(nobody({ login: (session) => ((given = session), tokens()) }));
  assert.equal((await session.token()).value, `AT-${api.valid}`);
  assert.equal(given, session);
});

// spec 12.13
test("a request whose token and refresh token were turned away is sent again after the sign-in", async () => {
  const dead = () => new Response('{"error":"invalid_grant"}', { status: 400, headers: { "content-type": "application/json" } });
  const own = (input, init) => (String(input).endsWith("/token") ? Promise.resolve(dead()) : fetch(input, init));
  const session = new Session(api.options({ fetch: own, login: tokens }));
  assert.equal((await session.fetch(`${api.url}/data`)).status, 200);
  assert.deepEqual(api.seen.map(({ token }) => token), ["AT-1", "AT-2"]);
});

// spec 12.13
test("whoever asks for a token in the handler is told at once, also after it has waited", async () => {
  const told = [];
  const login = async (session) => {
    await pause(1);
    const client = new Client(session, { baseUrl: api.url });
    for (const ask of [() => session.token(), () => session.refresh(), () => session.fetch(`${api.url}/data`), () => client.get("/data")]) {
      told.push(await Promise.resolve(ask()).then(() => "went on", (error) => error.kind));
    }
    return tokens();
  };
  await new Session(nobody({ login })).token();
  assert.deepEqual(told, ["Misuse", "Misuse", "Misuse", "Misuse"]);
});

test("a listener that is called while it signs in may use the session", async () => {
  const session = new Session(nobody({ login: (session) => session.signIn(tokens()) }));
  const heard = new Promise((resolve) => session.on("signedIn", () => resolve(session.token())));
  await session.token();
  assert.equal((await heard).value, `AT-${api.valid}`);
});

// spec 12.13
test("what it throws is the error's cause, and it is not asked again at once", async () => {
  let asked = 0;
  const failure = new Error("secret-token-in-a-message");
  const session = new Session(nobody({ login: () => ((asked += 1), Promise.reject(failure)) }));
  for (let tries = 0; tries < 2; tries++) {
    await assert.rejects(session.token(), (error) => {
      assert.ok(error instanceof RekindleError);
      assert.deepEqual([error.kind, error.cause], ["Misuse", failure]);
      assert.match(error.message, /the login handler threw Error/);
      return !error.message.includes("secret");
    });
  }
  assert.equal(asked, 1);
  const left = new RekindleError({ kind: "Timeout", message: "nobody came back" });
  await assert.rejects(new Session(nobody({ login: () => Promise.reject(left) })).token(), { kind: "Timeout", message: "nobody came back", cause: left });
});

// spec 12.13
test("calls wait for loginTimeout at most, and the sign-in goes on", async () => {
  let open;
  const login = () => new Promise((resolve) => (open = resolve));
  const impatient = new Session(nobody({ login, loginTimeout: 0 }));
  await assert.rejects(impatient.token(), { kind: "LoginRequired" });
  open(tokens());
  while (!impatient.tokenIfValid()) await pause(1);
  const session = new Session(nobody({ login, loginTimeout: 20 }));
  await assert.rejects(session.token(), { kind: "Timeout", message: /has not signed in yet/ });
});

test("a handler that is none is told", () => {
  assert.throws(() => new Session(nobody({ login: "google" })), { kind: "InvalidConfig", message: "login must be a function" });
  assert.throws(() => new Session(nobody({ onLogin: tokens })), { message: /did you mean login\?/ });
});

const asked = { scope: "openid offline_access", prompt: "consent" };
const open = async (url) => void (await fetch(await new Person().goes(url, idp.url))).text();

// spec 12.13
test("signIn asks the user again in the same way where the session is lost", async () => {
  let opened = 0;
  const session = await signIn(idp.url, { clientId: "pub", ...asked, origins: [idp.url], open: (url) => ((opened += 1), open(url)) });
  await session.signIn({ accessToken: "over", refreshToken: "over" });
  assert.equal((await session.fetch(`${idp.url}/api/data`)).status, 200);
  assert.equal(opened, 2);
  await session.signOut();
  // Who signed out is not asked.
  await assert.rejects(session.token(), { kind: "SignedOut" });
  assert.equal(opened, 2);
});

// spec 12.17
test("an app's users sign in under the server's name for them, and are found again by it", async () => {
  const store = new MemoryStore();
  const app = new App({ server, clientId: "pub", origins: [idp.url], store });
  const { session, key } = await app.signIn({ ...asked, open });
  assert.equal((await session.fetch(`${idp.url}/api/data`)).status, 200);
  assert.equal(app.session(key), session);
  const begun = await app.beginSignIn({ ...asked, redirectUri: "http://127.0.0.1:49152/callback", returnTo: "/settings" });
  const callback = await new Person().goes(begun.url, idp.url);
  const other = await app.finishSignIn(begun.pending, callback, { key: "user-42" });
  assert.deepEqual([other.key, other.returnTo, other.session], ["user-42", "/settings", app.session("user-42")]);
  assert.equal((await other.session.fetch(`${idp.url}/api/data`)).status, 200);
  assert.deepEqual(await app.accounts(), [key, "user-42"].sort());
  assert.equal(await app.remove(key), true);
  assert.deepEqual(await app.accounts(), ["user-42"]);
});

// spec 12.17
test("where nothing says who signs in, nothing is sent", async () => {
  const app = new App({ server, clientId: "pub", origins: [idp.url] });
  const begun = await app.beginSignIn({ scope: "offline_access", prompt: "consent", redirectUri: "http://127.0.0.1:49152/callback" });
  const callback = await new Person().goes(begun.url, idp.url);
  const before = (await idp.stats()).token_requests;
  await assert.rejects(app.finishSignIn(begun.pending, callback), { kind: "InvalidConfig", message: /give a key/ });
  await assert.rejects(app.finishSignIn(begun.pending, callback, { key: "a\nb" }), { kind: "InvalidConfig" });
  assert.equal((await idp.stats()).token_requests, before);
  assert.equal((await app.finishSignIn(begun.pending, callback, { key: "ada" })).key, "ada");
});

// spec 12.17
test("a store that cannot tell its keys says so", async () => {
  const store = { load: async () => undefined, save: async () => "1" };
  await assert.rejects(new App({ server, clientId: "pub", store }).accounts(), { kind: "InvalidConfig", message: /the method keys/ });
  const down = { ...store, keys: () => Promise.reject(new Error("password=hunter2hunter2hunter2")) };
  await assert.rejects(new App({ server, clientId: "pub", store: down }).accounts(), { kind: "StoreUnavailable", message: /cannot be read now: its method keys failed/ });
});
