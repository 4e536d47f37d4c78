/** The pages in `examples/javascript/browser`, as Vite serves them. */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { createServer } from "vite";

import { launch } from "../browser/browser.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const root = file("../../../../examples/javascript/browser/");
const LIMIT = { timeout: 120_000 };

/** As `npm install` does it there. */
mkdirSync(`${root}node_modules`, { recursive: true });
try {
  symlinkSync(file("../.."), `${root}node_modules/rekindle`, "dir");
} catch (error) {
  if (error.code !== "EEXIST") throw error;
}

let server, browser, url;

before(async () => {
  const settings = { host: "127.0.0.1", port: 0, strictPort: false, watch: null };
  const { api } = await import("../../../../examples/javascript/browser/api.mjs");
  const { default: own } = await import("../../../../examples/javascript/browser/vite.config.mjs");
  // An API of its own: Vite's own restarts would begin it anew.
  server = await createServer({ ...own, configFile: false, root, plugins: [api()], logLevel: "error", server: { ...own.server, ...settings } });
  await server.listen();
  url = `http://localhost:${server.httpServer.address().port}`;
  browser = await launch();
}, LIMIT);

after(async () => {
  await browser.close();
  await server.close();
});

const post = (path) => fetch(url + path, { method: "POST" }).then((response) => response.json());

for (const [name, said] of [
  ["rest_json", "still signed in"],
  ["authenticated_fetch", "200"],
  ["graphql", "Ada Lovelace, Alan Turing"],
]) {
  test(`the page ${name} with an expired token in localStorage refreshes once`, LIMIT, async () => {
    const { accessToken, refreshToken } = await post("/sign-in");
    await post("/expire");
    const context = await browser.newContext();
    await context.addInitScript((tokens) => Object.assign(localStorage, tokens), { accessToken, refreshToken });
    const page = await context.newPage();
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(`${url}/${name}.html`);
    await page.waitForFunction((said) => document.body.textContent.includes(said), said).catch((error) => complaints.push(String(error)));
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

/** What the page shows of the server's side. */
function counted(page) {
  return page.evaluate(() => {
    const count = (what) => [...document.querySelectorAll("#log tr")].filter((row) => row.dataset.kind.includes(what)).reduce((sum, row) => sum + Number(row.cells[2].textContent), 0);
    return { refreshes: count("POST /token 200"), answered: count("GET /data 200") };
  });
}

test("the live page: two tabs whose tokens the server expires refresh once, and all requests are answered", LIMIT, async (t) => {
  const context = await browser.newContext({ viewport: { width: 760, height: 620 } });
  const pages = [await context.newPage(), await context.newPage()];
  for (const page of pages) {
    await page.goto(url);
    await page.waitForFunction(() => document.getElementById("state").textContent !== "");
  }
  const [first, second] = pages;
  const state = (page, text) => page.waitForFunction((text) => document.getElementById("state").textContent.includes(text), text);
  await first.click("#sign-in");
  await Promise.all(pages.map((page) => state(page, "Signed in")));
  await second.click("#expire");
  await first.waitForFunction(() => document.querySelector("#log").textContent.includes("/expire"));
  const before = await counted(first);
  await Promise.all(pages.map((page) => page.click("#send")));
  await Promise.all(pages.map((page) => state(page, "10 of 10 requests were answered")));
  // The page may hear of what was answered after the answer itself.
  let after = await counted(first);
  while (after.answered < before.answered + 20) after = await counted(first);
  assert.deepEqual([after.refreshes - before.refreshes, after.answered - before.answered], [1, 20]);
  if (process.env.REKINDLE_SCREENSHOT) await first.screenshot({ path: process.env.REKINDLE_SCREENSHOT });
  await first.click("#sign-out");
  await Promise.all(pages.map((page) => state(page, "Signed out")));
  await context.close();
});
