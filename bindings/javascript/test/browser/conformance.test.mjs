/** Replays `tests/conformance` in Chromium. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { launch } from "./browser.mjs";
import { forBrowser } from "../portable/bundle.mjs";
import { hidden, reasons } from "../portable/hidden.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The page, its script, the cases and the module. */
async function serve() {
  const scripts = await forBrowser();
  const files = { "/rekindle.wasm": file("../../dist/rekindle.wasm") };
  for (const name of ["/cases.json", "/must-fail.json"]) files[name] = file(`../../../../tests/conformance${name}`);
  const server = createServer(async ({ url }, response) => {
    const type = url.endsWith(".js") ? "text/javascript" : url.endsWith(".wasm") ? "application/wasm" : url.endsWith(".json") ? "application/json" : "text/html";
    const content = scripts.get(url) ?? (files[url] ? await readFile(files[url]) : '<!doctype html><title>cases</title><script type="module" src="/page.js"></script>');
    response.writeHead(200, { "content-type": type }).end(content);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** Starts and stops test servers for the page. */
function servers() {
  const children = new Map();
  let next = 0;
  return {
    async start(config) {
      const child = spawn(process.env.REKINDLE_TEST_SERVER, config === null ? [] : [config], { stdio: ["pipe", "pipe", "inherit"] });
      const line = await new Promise((resolve) => createInterface(child.stdout).once("line", resolve));
      children.set(++next, child);
      return { id: next, line };
    },
    stop: (id) => void children.get(id)?.stdin.end(),
    stopAll: () => children.forEach((child) => child.stdin.end()),
  };
}

const AT_A_TIME = 80;

// The servers of the cases allow no other origin, as they know of no browser.
const browser = await launch(["--disable-web-security"]);
const server = await serve();
const own = servers();
const results = new Map();
const cases = JSON.parse(await readFile(file("../../../../tests/conformance/cases.json"))).cases;
const reason = reasons(cases, hidden);

/** A page that can play the cases. */
async function stage() {
  const page = await (await browser.newContext()).newPage();
  await page.exposeFunction("startServer", own.start);
  await page.exposeFunction("stopServer", own.stop);
  await page.exposeFunction("tell", (name, complaint) => void results.set(name, complaint));
  await page.goto(`http://localhost:${server.address().port}/`);
  await page.waitForFunction(() => "play" in globalThis);
  return page;
}

let page = await stage();
// The client stands on the same `fetch`: here it plays what is its own. Node, Bun and Deno play all of it.
const all = new Set(await page.evaluate(() => globalThis.names));
const names = [...all].filter((name) => name.startsWith("fetch::") || !all.has(name.replace(/^client::/, "fetch::")));
const played = names.filter((name) => reason(name) === undefined);
// Each case has a core of its own, and Chromium reserves 8 GiB of addresses for each memory: a page has room for some 124.
for (let at = 0; at < played.length; at += AT_A_TIME) {
  await page.evaluate((names) => play(names), played.slice(at, at + AT_A_TIME));
  await page.context().close();
  page = await stage();
}
own.stopAll();
await browser.close();
server.close();

for (const name of played) {
  test(name, () => {
    assert.ok(results.has(name), "it was not played");
    assert.equal(results.get(name) ?? "", "");
  });
}

/** What the browser itself stands in the way of. */
test("cases that a browser cannot play", (context) => {
  const beyond = names.filter((name) => reason(name) !== undefined);
  for (const name of beyond) context.diagnostic(`${name} is not played: ${reason(name)}`);
  assert.equal(played.length + beyond.length, names.length);
  assert.ok(played.length > 200, `${played.length} cases are played`);
});
