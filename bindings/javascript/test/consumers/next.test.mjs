/** The package in Next.js: a page that is prerendered and lives on in the browser, and a route on the server. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { launch } from "../browser/browser.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const run = promisify(execFile);
const work = file("next-work");
const next = file("node_modules/next/dist/bin/next");
const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };

const OPTIONS = 'tokenUrl: "https://auth.example.com/token", origins: ["https://api.example.com"]';
const TOKENS = '{ accessToken: "AT-1", refreshToken: "RT-1" }';
const FILES = {
  "package.json": '{ "private": true, "type": "module" }',
  // The packages are in a folder above.
  "next.config.mjs": `export default { turbopack: { root: ${JSON.stringify(file("."))} }, outputFileTracingRoot: ${JSON.stringify(file("."))} };`,
  "app/layout.js": "export default ({ children }) => <html><body>{children}</body></html>;",
  "app/session.js": `"use client"; import { Session } from "rekindle"; export const session = new Session({ ${OPTIONS}, tokens: ${TOKENS} });`,
  "app/page.js": `"use client";
import { useEffect, useState } from "react";
import { SessionProvider, useSession } from "rekindle/react";
import { session } from "./session";
function Shown() {
  const { standing } = useSession();
  const [text, set] = useState("waits");
  useEffect(() => void session.token().then((token) => set(token.value), (error) => set(String(error))), []);
  return <p id="shown">{text + " " + standing}</p>;
}
export default () => <SessionProvider session={session}><Shown /></SessionProvider>;`,
  "app/api/route.js": `import { App } from "rekindle";
const app = new App({ ${OPTIONS} });
export const dynamic = "force-dynamic";
export async function GET() {
  await app.session("ada").signIn(${TOKENS});
  return new Response((await app.session("ada").token()).value);
}`,
};

test("Next.js builds it, and it runs in the page and on the server", { timeout: 900_000 }, async (context) => {
  rmSync(work, { recursive: true, force: true });
  context.after(() => rmSync(work, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(join(work, name, ".."), { recursive: true });
    writeFileSync(join(work, name), text);
  }
  const installed = join(work, "node_modules/rekindle");
  mkdirSync(installed, { recursive: true });
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", work], { cwd: file("../.."), maxBuffer: 1 << 26 });
  await run("tar", ["-xzf", join(work, JSON.parse(stdout)[0].filename), "--strip-components=1", "-C", installed]);
  await run(process.execPath, [next, "build"], { cwd: work, env }).catch((error) => assert.fail(error.stdout + error.stderr));

  const server = spawn(process.execPath, [next, "start", "--port", "0"], { cwd: work, env, stdio: ["ignore", "pipe", "inherit"] });
  context.after(() => server.kill());
  const url = await new Promise((resolve) => createInterface(server.stdout).on("line", (line) => {
    const [place] = /http:\/\/localhost:\d+/.exec(line) ?? [];
    if (place) resolve(place);
  }));
  assert.equal(await (await fetch(`${url}/api`)).text(), "AT-1");
  assert.match(await (await fetch(url)).text(), /waits unread/);
  const browser = await launch();
  context.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(url);
  await page.waitForFunction(() => document.getElementById("shown").textContent === "AT-1 active").catch(async () => assert.fail(await page.textContent("#shown")));
});
