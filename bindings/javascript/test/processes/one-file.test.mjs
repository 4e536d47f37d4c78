/** Processes in several languages on one file, each with the file store of its own language or addon. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";

import { FileStore } from "../../dist/file-store.js";
import { Session } from "../../dist/index.js";
import { runtimes } from "../runtimes/programs.mjs";
import { startApi } from "../support/api.mjs";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const { REKINDLE_PYTHON: python, REKINDLE_COMMAND: command, REKINDLE_RUST: rust } = process.env;
const LIMIT = { timeout: 300_000 };

let api, folder, file;

before(async () => {
  api = await startApi();
});

after(() => api.stop());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rekindle-"));
  file = join(folder, "session.json");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What each of them runs: program and arguments. */
function languages() {
  const args = [file, `${api.url}/token`, "app"];
  const config = join(folder, "rekindle.toml");
  writeFileSync(config, `[profile.p]\ndialect = "oauth2"\nbase_url = "${api.url}"\ntoken_url = "${api.url}/token"\nclient_id = "app"\nstore = ${JSON.stringify(file)}\n`);
  return {
    node: [process.execPath, here("token_from_file.mjs"), ...args],
    ...Object.fromEntries(runtimes.map(([name, program, before]) => [name, [program, ...before, here("token_from_file.mjs"), ...args]])),
    python: [python, here("token_from_file.py"), ...args],
    command: [command, "token", "--profile", "p", "--config", config],
    rust: [rust, ...args],
  };
}

/** A process, and what it prints: that it runs, as far as it can, and a token. */
function start([program, ...args]) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, NO_COLOR: "1" } });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  const ended = once(child, "close");
  const runs = Promise.race([once(child.stdout, "data"), ended]);
  return { child, runs, says: ended.then(() => text.replace("started\n", "").trim()) };
}

async function signedIn() {
  const session = new Session({ ...api.options(), tokens: undefined, store: new FileStore(file) });
  await session.signIn({ accessToken: "AT-1", refreshToken: "RT-1", expiresAt: Date.now() - 1_000 });
  assert.equal(await session.shutdown(), true);
}

// spec 4.1, 4.2, 7.7
test("Node, Bun, Deno, Python, the command and Rust on one file make one refresh", LIMIT, async () => {
  await signedIn();
  let open;
  api.gate = new Promise((resolve) => (open = resolve));
  const all = Object.entries(languages()).map(([name, program]) => [name, start(program)]);
  // The server answers once all run. The command says nothing before it has a token.
  await Promise.all(all.filter(([name]) => name !== "command").map(([, one]) => one.runs));
  open();
  const told = Object.fromEntries(await Promise.all(all.map(async ([name, one]) => [name, await one.says])));
  assert.deepEqual(told, Object.fromEntries(all.map(([name]) => [name, "AT-3"])));
  assert.equal(api.refreshes(), 1);
});

// spec 7.4
test("a process in Node that is killed in the middle of its refresh is not waited for", LIMIT, async () => {
  await signedIn();
  api.gate = new Promise(() => undefined);
  const arrived = new Promise((resolve) => (api.reached = resolve));
  const killed = start(languages().node);
  await arrived;
  killed.child.kill("SIGKILL");
  await killed.says;
  api.gate = undefined;
  // Its refresh token may have been spent: this server takes it again.
  const told = await Promise.all([start(languages().python), start(languages().node)].map((one) => one.says));
  assert.deepEqual(told, ["AT-4", "AT-4"]);
  assert.equal(api.refreshes(), 2);
});
