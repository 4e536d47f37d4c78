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
import { hidden } from "../portable/hidden.mjs";

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
    stop: (id) => children.get(id)?.stdin.end(),
    stopAll: () => children.forEach((child) => child.stdin.end()),
  };
}

// The servers of the cases allow no other origin, as they know of no browser.
const browser = await launch(["--disable-web-security"]);
const server = await serve();
const own = servers();
const page = await browser.newPage();
const results = new Map();
await page.exposeFunction("startServer", own.start);
await page.exposeFunction("stopServer", own.stop);
await page.exposeFunction("tell", (name, complaint) => void results.set(name, complaint));
await page.goto(`http://localhost:${server.address().port}/`);
await page.waitForFunction(() => "play" in globalThis);
const names = await page.evaluate(() => globalThis.names);
const cases = JSON.parse(await readFile(file("../../../../tests/conformance/cases.json"))).cases;
const reasons = new Map(cases.map((spec) => [`${spec.topic}::${spec.id}`, hidden(spec)]));
await page.evaluate((names) => play(names), names.filter((name) => reasons.get(name) === undefined));
own.stopAll();
await browser.close();
server.close();

for (const name of names) {
  test(name, { skip: reasons.get(name) ?? false }, () => {
    assert.ok(results.has(name), "it was not played");
    assert.equal(results.get(name) ?? "", "");
  });
}
