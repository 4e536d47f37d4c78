/** The file store of Node. How it shares a file with other languages: `processes`. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";

import { FileStore } from "../dist/file-store.js";
import { App, DamagedRecord, Session, StoreError } from "../dist/index.js";
import { startApi } from "./support/api.mjs";

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

// spec 7.1
test("a record is replaced where it is what was expected", async () => {
  const store = new FileStore(file);
  assert.equal(await store.load("default"), undefined);
  const first = await store.save("default", "one", { absent: true });
  assert.equal(await store.save("default", "two", { absent: true }), undefined);
  assert.deepEqual(await store.load("default"), { record: "one", version: first });
  const second = await store.save("default", "zwölf ✓", { version: first });
  assert.equal(await store.save("default", "three", { version: first }), undefined);
  assert.deepEqual(await new FileStore(file).load("default"), { record: "zwölf ✓", version: second });
  assert.notEqual(await store.save("default", "four", { anything: true }), undefined);
  assert.equal((statSync(file).mode & 0o777).toString(8), "600");
});

test("an owner lives until it retires", async () => {
  const store = new FileStore(file);
  await store.announce("default", "a1");
  assert.equal(await new FileStore(file).owner("default", "a1"), "alive");
  await store.retire("default", "a1");
  assert.equal(await store.owner("default", "a1"), "unknown");
});

// spec 4.2
test("sessions of two stores on one file make one refresh", async () => {
  const sessions = [1, 2, 3].map(() => new Session(api.options({ store: new FileStore(file), origins: [api.url] })));
  const responses = await Promise.all(sessions.map((session) => session.fetch(`${api.url}/data`)));
  assert.deepEqual(responses.map(({ status }) => status), [200, 200, 200]);
  assert.equal(api.refreshes(), 1);
  await Promise.all(sessions.map((session) => session.shutdown()));
});

test("an app keeps its users in a folder, and another one finds them there", async () => {
  const { tokens, ...options } = api.options();
  const app = new App({ ...options, store: FileStore.folder(folder) });
  await app.session("ada").signIn(tokens);
  assert.equal((await app.session("ada").fetch(`${api.url}/data`)).status, 200);
  await app.shutdown();
  const other = new App({ ...options, store: FileStore.folder(pathToFileURL(folder)) });
  assert.equal((await other.session("ada").token()).value, "AT-3");
  assert.deepEqual(await other.accounts(), ["ada"]);
  assert.throws(() => new App({ ...options, store: new FileStore(file) }).session("ada"), { kind: "InvalidConfig" });
});

// spec 7.7
test("a damaged file says so until somebody signs in", async () => {
  writeFileSync(file, "garbage", { mode: 0o600 });
  const store = new FileStore(file);
  await assert.rejects(store.load("default"), (error) => error instanceof StoreError && error.message.includes(file));
  await new FileStore(join(folder, "other.json")).save("default", "record", { absent: true });
  const torn = readFileSync(join(folder, "other.json"), "utf8").replace("record", "rekord");
  writeFileSync(join(folder, "other.json"), torn);
  await assert.rejects(new FileStore(join(folder, "other.json")).load("default"), DamagedRecord);
});

// spec 7.8
test("what others may write is refused, with what to do about it", async () => {
  await new FileStore(file).save("default", "record", { absent: true });
  chmodSync(file, 0o666);
  const session = new Session({ ...api.options(), tokens: undefined, store: new FileStore(file) });
  const refused = { kind: "StoreUnavailable", message: /chmod 600 .*session\.json/ };
  await assert.rejects(session.token(), refused);
});

test("a path that is none is told", () => {
  for (const path of ["", undefined, 7, "a\0b"]) assert.throws(() => new FileStore(path), { kind: "InvalidConfig", message: /path must be/ });
  assert.throws(() => new FileStore(new URL("https://example.com/a")), { kind: "InvalidConfig", message: /file: URL, not https:/ });
});

test("it shows its path, and nothing of a record", async () => {
  const store = new FileStore(file);
  await store.save("default", "secret", { absent: true });
  assert.equal(inspect(store), `FileStore(${JSON.stringify(store.path)})`);
  assert.equal(JSON.stringify({ store }), JSON.stringify({ store: { path: store.path } }));
});
