import assert from "node:assert/strict";
import { after, test } from "node:test";

import { stage, stopBrowser } from "./browser.mjs";

after(stopBrowser);

const LIMIT = { timeout: 60_000 };

/** So many tabs that serve the same token. */
async function tabs(test, count, settings) {
  const staged = await stage(test, settings);
  const pages = await Promise.all(Array.from({ length: count }, () => staged.open()));
  const tokens = staged.site.signIn();
  for (const [at, page] of pages.entries()) await page.evaluate((tokens) => start({ tokens }), at === 0 ? tokens : undefined);
  for (const page of pages) assert.deepEqual(await page.evaluate(() => ask(1)), [200]);
  return { ...staged, pages };
}

test("three tabs with a dead token make one refresh", LIMIT, async (context) => {
  const { site, pages } = await tabs(context, 3);
  site.expireAll();
  const statuses = await Promise.all(pages.map((page) => page.evaluate(() => ask(20))));
  assert.deepEqual(statuses, [[200], [200], [200]]);
  assert.deepEqual([site.refreshes, site.reuses], [1, 0]);
  assert.deepEqual(pages.flatMap((page) => page.complaints), []);
});

test("a sign-out in one tab reaches the others, and so does the next sign-in", LIMIT, async (context) => {
  const { site, pages } = await tabs(context, 3);
  const [first, ...others] = pages;
  await first.evaluate(() => session.signOut());
  for (const page of others) {
    await page.waitForFunction(() => events.includes("SignedOut"));
    assert.equal(await page.evaluate(() => session.tokenIfValid() === undefined), true);
  }
  await first.evaluate((tokens) => session.signIn(tokens), site.signIn());
  for (const page of others) {
    await page.waitForFunction(() => events.includes("Adopted"));
    assert.deepEqual(await page.evaluate(() => ask(1)), [200]);
  }
  assert.deepEqual([site.refreshes, site.reuses], [0, 0]);
});
