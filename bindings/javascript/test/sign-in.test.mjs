/** Signing in at oidc-provider. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inspect } from "node:util";

import { discover, discoverApi, MemoryStore, register, Session, signIn, signInToApi } from "rekindle";
import { Person } from "./support/person.mjs";
import { startProvider } from "./support/provider.mjs";

const CALLBACK = "http://127.0.0.1:49152/callback";
const asked = { scope: "openid offline_access", prompt: "consent" };

let idp, server;

before(async () => {
  idp = await startProvider();
  server = await discover(idp.url);
});

after(() => idp.stop());

const session = () => new Session({ server, clientId: "pub", origins: [idp.url] });

async function api(session) {
  return (await session.fetch(`${idp.url}/api/data`)).status;
}

const get = (url) => fetch(url).then(async (response) => ({ status: response.status, page: await response.text() }), () => undefined);

// spec 12.8
test("a user signs in with a browser of this machine, calls the API, is refreshed and signed out", async () => {
  const on = session();
  let callback, page;
  const open = async (url) => {
    callback = await new Person().goes(url, idp.url);
    // A program of this machine that guesses is turned away, and the wait goes on.
    assert.equal((await get(callback.replace(/state=[^&]*/, "state=guessed"))).status, 400);
    assert.equal((await get(new URL("/elsewhere", callback))).status, 404);
    page = await get(callback);
  };
  await on.signInWithBrowser({ ...asked, open });
  assert.match(page.page, /You can close this window/);
  // Nobody listens there any more.
  assert.equal(await get(callback), undefined);
  assert.equal(await api(on), 200);
  on.invalidate();
  assert.equal(await api(on), 200);
  assert.equal((await idp.stats()).refreshes, 1);
  await on.signOut();
  await assert.rejects(on.token(), { kind: "SignedOut" });
});

// spec 12.5
test("a callback that is loaded twice costs nothing", async () => {
  const on = session();
  const begun = await on.beginSignIn({ ...asked, redirectUri: CALLBACK, returnTo: "/settings" });
  assert.doesNotMatch(inspect(begun) + JSON.stringify(begun), /code_verifier/);
  const callback = await new Person().goes(begun.url, idp.url);
  const before = (await idp.stats()).token_requests;
  assert.deepEqual(await on.finishSignIn(begun.pending, callback), { returnTo: "/settings" });
  await assert.rejects(on.finishSignIn(begun.pending, callback), { kind: "Misuse" });
  assert.equal((await idp.stats()).token_requests, before + 1);
  assert.equal(await api(on), 200);
});

// spec 12.3
test("a callback of another sign-in is refused, and nothing is sent", async () => {
  const on = session();
  const { pending } = await on.beginSignIn({ ...asked, redirectUri: CALLBACK });
  const before = (await idp.stats()).token_requests;
  await assert.rejects(on.finishSignIn(pending, `${CALLBACK}?code=theirs&state=guessed`), { kind: "InvalidResponse" });
  await assert.rejects(on.finishSignIn("{}", CALLBACK), { kind: "InvalidConfig" });
  assert.equal((await idp.stats()).token_requests, before);
});

// spec 12.10
test("a code is typed in on another device", async () => {
  const on = session();
  let place;
  await on.signInWithDevice(async ({ userCode, verificationUriComplete }) => {
    assert.ok(verificationUriComplete.includes(userCode));
    place = await new Person().goes(verificationUriComplete, idp.url);
  }, { scope: "openid offline_access" });
  assert.equal(place, undefined);
  assert.equal(await api(on), 200);
});

test("what the user is not shown ends the sign-in, and so does leaving", async () => {
  const failed = new Error("no screen");
  await assert.rejects(session().signInWithDevice(() => Promise.reject(failed)), failed);
  const leave = new AbortController();
  await assert.rejects(session().signInWithDevice(() => leave.abort(), { signal: leave.signal }), { name: "AbortError" });
});

// spec 12.8
test("who leaves a sign-in, or takes too long, leaves no port open", async () => {
  for (const [options, expected] of [
    [(leave) => ({ signal: leave.signal }), { name: "AbortError" }],
    [() => ({ timeout: 1 }), { kind: "Timeout" }],
  ]) {
    const leave = new AbortController();
    let place;
    const open = (url) => {
      place = new URL(url).searchParams.get("redirect_uri");
      leave.abort();
    };
    await assert.rejects(session().signInWithBrowser({ ...asked, ...options(leave), open }), expected);
    if (place) assert.equal(await get(place), undefined);
  }
});

test("from a client id to an answered request, and a store that holds the sign-in asks nobody", async () => {
  const store = new MemoryStore("sign-in");
  const open = async (url) => get(await new Person().goes(url, idp.url));
  const options = { clientId: "pub", ...asked, origins: [idp.url], store };
  assert.equal(await api(await signIn(idp.url, { ...options, open })), 200);
  const nobody = () => assert.fail("nobody is asked");
  assert.equal(await api(await signIn(server, { ...options, open: nobody })), 200);
});

// spec 12.16
test("from an MCP server's address to an answered call: found, registered, signed in and refreshed", async () => {
  const open = async (url) => get(await new Person().goes(url, idp.url));
  const session = await signInToApi(`${idp.url}/mcp`, { name: "Notes", scope: "offline_access tools", prompt: "consent", open });
  const call = () => session.fetch(`${idp.url}/mcp`, { method: "POST", body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' });
  assert.equal((await call()).status, 200);
  const { refreshes } = await idp.stats();
  session.invalidate();
  assert.equal((await call()).status, 200);
  assert.equal((await idp.stats()).refreshes, refreshes + 1);
});

// spec 12.18
test("a second start uses the kept registration, and asks nobody", async () => {
  const found = await discoverApi(`${idp.url}/mcp`);
  assert.deepEqual([found.issuer, found.resource], [idp.url, `${idp.url}/mcp`]);
  await assert.rejects(signInToApi(`${idp.url}/mcp`, { open: get }), { kind: "InvalidConfig", argument: "name" });
  const shelf = new MemoryStore("mcp");
  const narrow = { shared: true, keyed: false, load: async () => undefined, save: async () => "1" };
  await assert.rejects(signInToApi(`${idp.url}/mcp`, { name: "Notes", store: narrow, open: get }), { kind: "InvalidConfig", argument: "clientId" });
  const { registrations } = await idp.stats();
  let opened = 0;
  const open = async (url) => ((opened += 1), get(await new Person().goes(url, idp.url)));
  for (let start = 0; start < 2; start++) {
    // Another process has a store object of its own.
    const store = { shared: true, load: (key) => shelf.load(key), save: (...record) => shelf.save(...record) };
    const session = await signInToApi(`${idp.url}/mcp`, { name: "Notes", store, open });
    assert.equal((await session.fetch(`${idp.url}/mcp`, { method: "POST", body: "{}" })).status, 200);
    assert.equal(await session.shutdown(), true);
  }
  assert.deepEqual([(await idp.stats()).registrations - registrations, opened], [1, 1]);
  // A client of one's own is the same from start to start, too.
  const client = await register(await discover(found.issuer), { name: "Notes" });
  const own = await signInToApi(`${idp.url}/mcp`, { ...client, open });
  assert.equal((await own.fetch(`${idp.url}/mcp`, { method: "POST", body: "{}" })).status, 200);
});

// spec 12.9
test("mistakes are named", async () => {
  await assert.rejects(discover("http://auth.example.com"), { kind: "InvalidConfig" });
  await assert.rejects(discover("https://auth.example.com?x", { fetch: () => assert.fail("nothing is sent") }), { kind: "InvalidConfig" });
  const on = session();
  await assert.rejects(on.beginSignIn({ redirectUrl: CALLBACK }), /did you mean redirectUri/);
  await assert.rejects(on.beginSignIn({ redirectUri: "http://app.example.com/callback" }), { kind: "InvalidConfig" });
  await assert.rejects(on.signInByGrant({ grantType: "password", username: "ada", password: "x" }), { kind: "InvalidConfig" });
  await assert.rejects(on.signInWithRedirect({ redirectUri: CALLBACK }), /no page here/);
});
