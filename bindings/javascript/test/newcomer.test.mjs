/** The first lines of the README, in an empty folder, as somebody types them who has nothing but a client id. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { startProvider } from "./support/provider.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const LIMIT = { timeout: 120_000 };

/** Stands where the system's browser is started: a person who lets the program in. */
const BROWSER = `#!${process.execPath}
import(${JSON.stringify(new URL("support/person.mjs", import.meta.url).href)}).then(async ({ Person }) => {
  const url = process.argv[2];
  await fetch(await new Person().goes(url, new URL(url).origin));
});
`;

let idp, folder;

before(async () => {
  idp = await startProvider();
  folder = mkdtempSync(join(tmpdir(), "rekindle-newcomer-"));
  mkdirSync(join(folder, "node_modules"));
  // As `npm install rekindle` does it.
  symlinkSync(file(".."), join(folder, "node_modules/rekindle"), "dir");
  mkdirSync(join(folder, "bin"));
  for (const name of ["xdg-open", "open"]) writeFileSync(join(folder, "bin", name), BROWSER, { mode: 0o755 });
});

after(() => {
  idp.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function run(program, more = "") {
  writeFileSync(join(folder, "program.mjs"), program + more);
  const PATH = `${join(folder, "bin")}:${process.env.PATH}`;
  const { stdout } = await promisify(execFile)(process.execPath, ["program.mjs"], { cwd: folder, env: { ...process.env, PATH } });
  return stdout.trim();
}

const [, first, second] = readFileSync(file("../README.md"), "utf8").split("```js\n").map((part) => part.split("```")[0]);

// spec 12.8
test("from a client id to an answered request in three lines", LIMIT, async () => {
  assert.equal(first.trim().split("\n").length, 3);
  const program = first
    .replace("https://auth.example.com", idp.url)
    .replace('"app"', '"pub"')
    .replace("https://api.example.com/users", `${idp.url}/api/data`)
    .replace("https://api.example.com", idp.url);
  assert.equal(await run(program), "200");
});

// spec 12.16
test("from an MCP server's address to an answered request", LIMIT, async () => {
  const ask = `console.log((await session.fetch("${idp.url}/mcp", { method: "POST", body: "{}" })).status);`;
  assert.equal(await run(second.replace("https://mcp.example.com/mcp", `${idp.url}/mcp`), ask), "200");
});
