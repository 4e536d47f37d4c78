/** axios on XMLHttpRequest, with the interceptor. */
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { stage, stopBrowser } from "./browser.mjs";

after(stopBrowser);

test("axios' xhr adapter carries the token; ten requests with a dead one make one refresh and are sent again", { timeout: 60_000 }, async (context) => {
  const { site, open } = await stage(context);
  const page = await open("/axios");
  await page.evaluate((tokens) => start({ tokens }), site.signIn());
  site.expireAll();
  const statuses = await page.evaluate(async () => {
    globalThis.remove = use();
    const all = await Promise.all(Array.from({ length: 10 }, () => client.get("/data")));
    return all.map(({ status }) => status);
  });
  assert.deepEqual([...new Set(statuses)], [200]);
  assert.deepEqual([site.refreshes, site.reuses, site.answered.get(200)], [1, 0, 10]);
  assert.equal(await page.evaluate(() => client.post("/data", { name: "Ada" }).then(({ status }) => status)), 200);
  assert.equal(await page.evaluate(() => (remove(), client.get("/data").then(({ status }) => status))), 401);
  assert.deepEqual(page.complaints, []);
});
