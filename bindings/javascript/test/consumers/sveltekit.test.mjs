/** The program in `examples/javascript/sveltekit`: SvelteKit builds it with the package, and it runs in two tabs and on the server. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { launch } from "../browser/browser.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const run = promisify(execFile);
const work = file("sveltekit-work");

test("SvelteKit builds it; two tabs refresh once, and the server has sessions of its own", { timeout: 300_000 }, async (context) => {
  rmSync(work, { recursive: true, force: true });
  context.after(() => rmSync(work, { recursive: true, force: true }));
  cpSync(file("../../../../examples/javascript/sveltekit"), work, { recursive: true, filter: (path) => !/node_modules|\.svelte-kit|build$/.test(path) });
  const installed = join(work, "node_modules/rekindle");
  mkdirSync(installed, { recursive: true });
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", work], { cwd: file("../.."), maxBuffer: 1 << 26 });
  await run("tar", ["-xzf", join(work, JSON.parse(stdout)[0].filename), "--strip-components=1", "-C", installed]);
  await run(process.execPath, [file("node_modules/vite/bin/vite.js"), "build"], { cwd: work }).catch((error) => assert.fail(error.stdout + error.stderr));

  const server = spawn(process.execPath, ["build"], { cwd: work, env: { ...process.env, HOST: "127.0.0.1", PORT: "0", PROTOCOL_HEADER: "x-forwarded-proto" }, stdio: ["ignore", "pipe", "inherit"] });
  context.after(() => server.kill());
  const url = await new Promise((resolve, reject) => {
    server.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    createInterface(server.stdout).on("line", (line) => {
      const [, port] = /Listening on .*:(\d+)/.exec(line) ?? [];
      if (port) resolve(`http://localhost:${port}`);
    });
  });
  assert.match(await (await fetch(url)).text(), /waits/);
  const browser = await launch();
  context.after(() => browser.close());
  const tabs = await browser.newContext({ extraHTTPHeaders: { "x-forwarded-proto": "http" } });
  // As a proxy in front of it says: without that SvelteKit takes its own origin for https, and refuses the page's POST.
  await tabs.addInitScript(() => Object.assign(localStorage, { access: "AT-1", refresh: "RT-1" }));
  const pages = await Promise.all([tabs.newPage(), tabs.newPage()]);
  await Promise.all(pages.map((page) => page.goto(url)));
  for (const page of pages) {
    await page.waitForFunction(() => document.getElementById("shown").textContent === "server-side", undefined, { timeout: 120_000 }).catch(async () => assert.fail(await page.textContent("#shown")));
  }
  assert.deepEqual(await (await fetch(`${url}/token`)).json(), { refreshes: 1 });
});
