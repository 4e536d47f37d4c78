/** Signing in at oidc-provider, in a page that is led there and back. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startProvider } from "../support/provider.mjs";
import { stage, stopBrowser } from "./browser.mjs";

const LIMIT = { timeout: 120_000 };

let idp;

before(async () => {
  idp = await startProvider();
});

after(async () => {
  idp.stop();
  await stopBrowser();
});

/** The page that is registered as redirect URI. */
async function landed(page) {
  await page.waitForURL((url) => url.pathname === "/callback");
  await page.waitForFunction(() => "start" in globalThis);
}

/** What an application's page does whenever it is loaded. */
function load(page) {
  return page.evaluate(async (idp) => {
    const asked = { scope: "openid offline_access", prompt: "consent", returnTo: "/settings" };
    globalThis.session = await rekindle.signIn(idp, { clientId: "pub", origins: [idp], store: new rekindle.BrowserStore("sign-in"), ...asked });
    return (await session.token()).value;
  }, idp.url);
}

async function opened(context) {
  const staged = await stage(context);
  const page = await staged.context.newPage();
  await page.goto(`${staged.site.url.replace("localhost", "127.0.0.1")}/callback?tab=2`);
  await landed(page);
  return page;
}

// spec 12.1, 12.5, 12.6
test("a user is led to the server and back, is refreshed, and stays signed in when the page is loaded again", LIMIT, async (context) => {
  const page = await opened(context);
  // The page goes, and with it who waits.
  load(page).catch(() => undefined);
  await page.getByPlaceholder("Name").fill("ada");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
  await landed(page);
  const first = await load(page);
  // Neither the code nor what was kept for it is left.
  assert.equal(new URL(page.url()).search, "");
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.notEqual(await page.evaluate(async () => (await session.refresh()).value), first);
  await page.reload();
  await landed(page);
  const again = await load(page);
  assert.equal(again, await page.evaluate(() => session.tokenIfValid().value));
  const { token_requests, refreshes } = await idp.stats();
  assert.deepEqual([token_requests, refreshes], [2, 1]);
});

// spec 12.3
test("an address that somebody made up signs nobody in, and nothing is sent", LIMIT, async (context) => {
  const page = await opened(context);
  const before = await idp.stats();
  await page.goto(`${page.url()}&code=theirs&state=guessed`);
  await landed(page);
  const told = await load(page).catch(String);
  assert.match(told, /started no sign-in with that state/);
  assert.deepEqual(await idp.stats(), before);
});
