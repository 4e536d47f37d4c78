/** What browsers do to pages: they are closed, frozen, refused storage, and kept from WebAssembly. */
import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { after, test } from "node:test";

import { stage, stopBrowser } from "./browser.mjs";

after(stopBrowser);

const LIMIT = { timeout: 120_000 };
const GRACE = { grace: true };

async function signedIn(test, settings, options = {}) {
  const staged = await stage(test, settings);
  const page = await staged.open();
  await page.evaluate((options) => start(options), { tokens: staged.site.signIn(), ...options });
  return { ...staged, page };
}

/** Answers of the token endpoint wait until it is opened. */
function close(site) {
  let open;
  site.gate = new Promise((resolve) => (open = resolve));
  return open;
}

async function until(isSo) {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 10));
}

test("ten tabs that come and go while tokens live two seconds lose no session", LIMIT, async (context) => {
  const options = { rotation: { grace_seconds: 30 } };
  const { site, open, page } = await signedIn(context, { lifetime: 2, ...GRACE }, options);
  // The sign-in is this tab's alone until it is saved: with the tab it would be gone.
  assert.deepEqual(await page.evaluate(() => ask(1)), [200]);
  assert.equal(await page.evaluate(() => session.shutdown(60_000)), true);
  const seen = new Set();
  const live = async (page) => {
    while (!page.isClosed()) for (const status of await page.evaluate(() => ask(3)).catch(() => [])) seen.add(status);
  };
  const tabs = [page];
  const lives = [live(page)];
  while (site.refreshes < 6) {
    const tab = await open();
    await tab.evaluate((options) => start(options), options);
    lives.push(live(tab));
    tabs.push(tab);
    // The oldest goes, whatever it is doing.
    if (tabs.length > 10) await tabs.shift().close();
    // And one by chance.
    if (tabs.length > 3) await tabs.splice(Math.floor(Math.random() * tabs.length), 1)[0].close();
    // What went wrong is not waited for.
    assert.deepEqual([...seen].filter((status) => status !== 200), []);
  }
  await Promise.all(tabs.map((tab) => tab.close()));
  await Promise.all(lives);
  assert.deepEqual([...seen], [200]);
  assert.equal(site.reuses, 0);
});

test("a tab that is frozen in the middle of a refresh holds up no other for longer than its lease", LIMIT, async (context) => {
  const options = { rotation: { grace_seconds: 30 }, lease: 3_000, sendTimeout: 2_000 };
  const { site, context: profile, open, page } = await signedIn(context, GRACE, options);
  const other = await open();
  await other.evaluate((options) => start(options), options);
  assert.deepEqual(await page.evaluate(() => ask(1)), [200]);
  assert.deepEqual(await other.evaluate(() => ask(1)), [200]);
  site.expireAll();
  const answer = close(site);
  const frozen = page.evaluate(() => ask(1)).catch(String);
  await until(() => site.refreshes === 1);
  const devtools = await profile.newCDPSession(page);
  // Its scripts stand still, with whatever they hold.
  await devtools.send("Debugger.enable");
  await devtools.send("Debugger.pause");
  answer();
  assert.deepEqual(await other.evaluate(() => ask(1)), [200]);
  // It was frozen indeed: the other one had to ask for itself.
  assert.equal(site.refreshes, 2);
  await devtools.send("Debugger.disable");
  assert.deepEqual(await frozen, [200]);
  assert.deepEqual([site.reuses, (await page.evaluate(() => ask(1))).join()], [0, "200"]);
});

test("a service worker that is killed in the middle of a refresh leaves the session to the page", LIMIT, async (context) => {
  const options = { rotation: { grace_seconds: 30 } };
  const { site, context: profile, page } = await signedIn(context, GRACE, options);
  assert.deepEqual(await page.evaluate(() => ask(1)), [200]);
  await page.evaluate(async () => {
    await navigator.serviceWorker.register("/service-worker.js", { type: "module" });
    await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller) await new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
  });
  const through = () => page.evaluate(() => fetch("/through-worker").then(({ status }) => status, String));
  assert.equal(await through(), 200);
  assert.equal(site.refreshes, 0);
  site.expireAll();
  const answer = close(site);
  const lost = through();
  await until(() => site.refreshes === 1);
  const devtools = await profile.newCDPSession(page);
  await devtools.send("ServiceWorker.enable");
  await devtools.send("ServiceWorker.stopAllWorkers");
  answer();
  await lost;
  assert.deepEqual(await page.evaluate(() => ask(1)), [200]);
  assert.equal(await through(), 200);
  assert.equal(site.reuses, 0);
});

test("where the quota is used up the new token is served from memory, and saved once there is room", LIMIT, async (context) => {
  const { site, page } = await signedIn(context);
  assert.deepEqual(await page.evaluate(() => ask(1)), [200]);
  // Between the claim and the answer: that much was still written.
  const answer = close(site);
  site.expireAll();
  const asked = page.evaluate(() => ask(1));
  await until(() => site.refreshes === 1);
  await page.evaluate(() => (IDBObjectStore.prototype.put = ((put) => Object.assign(() => { throw new DOMException("full", "QuotaExceededError"); }, { put }))(IDBObjectStore.prototype.put)));
  answer();
  assert.deepEqual(await asked, [200]);
  await page.waitForFunction(() => events.includes("Unpersisted"));
  await page.evaluate(() => (IDBObjectStore.prototype.put = IDBObjectStore.prototype.put.put));
  await page.evaluate(() => session.shutdown());
  assert.equal(await page.evaluate(() => events.includes("Persisted")), true);
});

test("where the browser refuses storage the error says what to do", LIMIT, async (context) => {
  const { open, site } = await stage(context);
  const page = await open();
  await page.evaluate(() => (indexedDB.constructor.prototype.open = () => { throw new DOMException("denied", "SecurityError"); }));
  await page.evaluate((tokens) => start({ tokens }), site.signIn());
  const told = await page.evaluate(() => session.token().then(String, ({ kind, message }) => ({ kind, message })));
  assert.equal(told.kind, "StoreUnavailable");
  assert.match(told.message, /SecurityError.*private mode.*give no store/);
});

test("where there is no IndexedDB the error says so, and a session without a store goes on in memory", LIMIT, async (context) => {
  const { open, site } = await stage(context);
  const page = await open();
  await page.evaluate(() => Object.defineProperty(globalThis, "indexedDB", { value: undefined }));
  await page.evaluate((tokens) => start({ tokens }), site.signIn());
  const told = (work) => page.evaluate(work).then(() => assert.fail("it was taken"), (error) => error.message);
  assert.match(await told(() => session.token()), /IndexedDB: ReferenceError: it is not there; .*private mode.*give no store/);
  assert.match(await told(() => rekindle.SigningKey.stored("app")), /IndexedDB keeps no key here.*SigningKey\.generate/);
  await page.evaluate((tokens) => (globalThis.session = new rekindle.Session({ tokens, tokenUrl: `${location.origin}/token`, origins: [location.origin], insecureOrigins: [location.origin] })), site.signIn());
  site.expireAll();
  assert.deepEqual(await page.evaluate(() => ask(5)), [200]);
  assert.equal(site.refreshes, 1);
});

test("where cookies are blocked, stores and sign-ins say what to do", LIMIT, async (context) => {
  const { open, site } = await stage(context);
  const page = await open();
  // As Chromium does it: reading the properties throws.
  await page.evaluate(() => {
    for (const name of ["localStorage", "sessionStorage"]) {
      Object.defineProperty(globalThis, name, { get: () => { throw new DOMException("Access is denied for this document.", "SecurityError"); } });
    }
  });
  const told = (work, ...given) => page.evaluate(work, ...given).then(() => assert.fail("it was taken"), (error) => error.message);
  await page.evaluate((tokens) => start({ store: "local", tokens }), site.signIn());
  assert.match(await told(() => session.token()), /localStorage: SecurityError.*blocked cookies.*give no store/);
  assert.match(await told(() => rekindle.tokensFromLocalStorage({ accessToken: "jwt" })), /localStorage: SecurityError/);
  const asked = () => new rekindle.Session({ clientId: "app", tokenUrl: `${location.origin}/token`, authorizationUrl: `${location.origin}/authorize`, origins: [location.origin], insecureOrigins: [location.origin] }).signInWithRedirect({ redirectUri: location.origin });
  assert.match(await told(asked), /sessionStorage: SecurityError.*allow storage here/);
  assert.equal(site.refreshes, 0);
});

test("a connection that the browser has closed is opened anew", LIMIT, async (context) => {
  const { open, site } = await stage(context);
  const page = await open();
  await page.evaluate(() => {
    const open = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = function (...args) {
      globalThis.connection = this;
      return open.apply(this, args);
    };
  });
  await page.evaluate((tokens) => start({ tokens }), site.signIn());
  assert.deepEqual(await page.evaluate(() => ask(1)), [200]);
  await page.evaluate(() => connection.close());
  site.expireAll();
  assert.deepEqual(await page.evaluate(() => ask(1)), [200]);
  assert.deepEqual([site.refreshes, await page.evaluate(() => events.includes("Unpersisted"))], [1, false]);
});

test("a Content-Security-Policy without wasm-unsafe-eval is named, and the header that helps helps", LIMIT, async (context) => {
  for (const [policy, expected] of [
    ["script-src 'self'", /InvalidConfig.*add 'wasm-unsafe-eval' to its script-src/],
    ["script-src 'self' 'wasm-unsafe-eval'", /^AT-/],
  ]) {
    const { open, site } = await stage(context, { headers: { "content-security-policy": policy } });
    const page = await open();
    await page.evaluate((tokens) => start({ tokens }), site.signIn());
    const told = await page.evaluate(() => session.token().then(({ value }) => value, ({ kind, message }) => `${kind}: ${message}`));
    assert.match(told, expected);
  }
});

test("localStorage serves all tabs, refreshes once, and takes over the tokens that are there", LIMIT, async (context) => {
  const { open, site } = await stage(context);
  const pages = [await open(), await open()];
  const { accessToken, refreshToken } = site.signIn();
  site.expireAll();
  await pages[0].evaluate(([access, refresh]) => {
    localStorage.setItem("jwt", access);
    localStorage.setItem("refresh", refresh);
  }, [accessToken, refreshToken]);
  for (const page of pages) await page.evaluate(() => start({ store: "local", tokens: rekindle.tokensFromLocalStorage({ accessToken: "jwt", refreshToken: "refresh" }) }));
  assert.deepEqual(await Promise.all(pages.map((page) => page.evaluate(() => ask(5)))), [[200], [200]]);
  assert.deepEqual([site.refreshes, site.reuses], [1, 0]);
  await pages[0].evaluate(() => session.signOut());
  await pages[1].waitForFunction(() => events.includes("SignedOut"));
  // What was signed out does not come back with the old items.
  await pages[1].reload();
  await pages[1].waitForFunction(() => "start" in globalThis);
  await pages[1].evaluate(() => start({ store: "local", tokens: rekindle.tokensFromLocalStorage({ accessToken: "jwt", refreshToken: "refresh" }) }));
  assert.deepEqual(await pages[1].evaluate(() => ask(1)), ["SignedOut"]);
});

test("with the refresh token in an HttpOnly cookie no script holds one, and all tabs refresh once", LIMIT, async (context) => {
  const { open, site } = await stage(context);
  const pages = [await open(), await open()];
  const { accessToken } = site.signIn();
  for (const page of pages) await page.evaluate((tokens) => start({ cookie: true, tokens }), { accessToken });
  for (const page of pages) assert.deepEqual(await page.evaluate(() => ask(1)), [200]);
  site.expireAll();
  assert.deepEqual(await Promise.all(pages.map((page) => page.evaluate(() => ask(5)))), [[200], [200]]);
  assert.equal(site.refreshes, 1);
  const stored = await pages[0].evaluate(async () => JSON.stringify(await new rekindle.BrowserStore("app").load("default")));
  assert.match(stored, /AT-2/);
  assert.doesNotMatch(stored, /secret|RT-/);
});

// spec 5.21
test("a dialect that names the cookie as credential needs no token to begin with, in all tabs once", LIMIT, async (context) => {
  const { open, site } = await stage(context);
  const pages = [await open(), await open()];
  for (const page of pages) await page.evaluate(() => start({ cookie: "dialect" }));
  assert.deepEqual(await Promise.all(pages.map((page) => page.evaluate(() => ask(5)))), [[200], [200]]);
  assert.equal(site.refreshes, 1);
  site.expireAll();
  assert.deepEqual(await Promise.all(pages.map((page) => page.evaluate(() => ask(5)))), [[200], [200]]);
  assert.equal(site.refreshes, 2);
  const stored = await pages[0].evaluate(async () => JSON.stringify(await new rekindle.BrowserStore("app").load("default")));
  assert.match(stored, /AT-2/);
  assert.doesNotMatch(stored, /secret|RT-/);
  // Signed out, with the cookie and without naming a token; it stays so in a page that is opened later.
  assert.equal(await pages[0].evaluate(() => session.signOut({ revoke: true })), true);
  assert.deepEqual(site.revoked, ["client_id=app"]);
  await pages[1].reload();
  await pages[1].waitForFunction(() => "start" in globalThis);
  await pages[1].evaluate(() => start({ cookie: "dialect" }));
  assert.deepEqual(await pages[1].evaluate(() => ask(1)), ["SignedOut"]);
  await pages[1].evaluate(() => session.signIn({}));
  assert.deepEqual(await pages[1].evaluate(() => ask(1)), [200]);
  assert.equal(site.refreshes, 3);
});

test("a key that is kept in the browser is the same in all tabs, and can't be read", LIMIT, async (context) => {
  const { open } = await stage(context);
  const pages = [await open(), await open()];
  const prints = await Promise.all(pages.map((page) => page.evaluate(async () => (await rekindle.SigningKey.stored("app")).thumbprint())));
  assert.equal(prints[0], prints[1]);
  await pages[0].reload();
  await pages[0].waitForFunction(() => "start" in globalThis);
  const { print, extractable, proof } = await pages[0].evaluate(async () => {
    const dpopKey = await rekindle.SigningKey.stored("app");
    let proof;
    const send = async (_, init) => {
      proof = new Headers(init.headers).get("dpop");
      return Response.json({ access_token: "AT-2", token_type: "DPoP" });
    };
    const tokens = { accessToken: "AT-1", refreshToken: "RT-1" };
    const session = new rekindle.Session({ dpopKey, fetch: send, tokens, tokenUrl: `${location.origin}/token`, origins: [location.origin] });
    await session.refresh();
    const opened = await new Promise((resolve) => (indexedDB.open("rekindle-keys").onsuccess = ({ target }) => resolve(target.result)));
    const pair = await new Promise((resolve) => (opened.transaction("pairs").objectStore("pairs").get("app").onsuccess = ({ target }) => resolve(target.result)));
    return { print: await dpopKey.thumbprint(), extractable: pair.privateKey.extractable, proof };
  });
  assert.deepEqual([print, extractable], [prints[0], false]);
  const [header, claims, signature] = proof.split(".");
  const { jwk } = JSON.parse(Buffer.from(header, "base64url"));
  const key = { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" };
  assert(verify("sha256", Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, "base64url")));
});
