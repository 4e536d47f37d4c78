/** What goes wrong around a session: the module, the store, `fetch`, the clocks. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inspect } from "node:util";

import { Client, MemoryStore, RekindleError, Session } from "rekindle";

import { Driver } from "../dist/driver.js";
import { explain } from "../dist/loading.js";
import { newDriver } from "../dist/session.js";
import { platform } from "../dist/platform-node.js";
import { ManualClock } from "./conformance/clock.mjs";
import { startApi } from "./support/api.mjs";

let api;
before(async () => void (api = await startApi()));
after(() => api.stop());

const unhandled = [];
process.on("unhandledRejection", (error) => unhandled.push(error));

/** Instances of the module that can be made to trap: their core is called with a pointer that leads nowhere. */
function brittle() {
  const broken = { turn: false, tag: false, always: false, made: 0 };
  const load = () => {
    broken.made += 1;
    const { exports } = platform.load();
    const nowhere = 0xffff_fff0;
    const now = (what) => {
      const trap = broken[what] || broken.always;
      broken[what] = false;
      return trap;
    };
    const own = {
      ...exports,
      rekindle_turn: (core, ...rest) => exports.rekindle_turn(now("turn") ? nowhere : core, ...rest),
      rekindle_tag: (core, ...rest) => exports.rekindle_tag(now("tag") ? nowhere : core, ...rest),
    };
    return Object.create(WebAssembly.Instance.prototype, { exports: { value: own } });
  };
  return { broken, driver: (clock) => new Driver(load(), "", clock, load) };
}

// spec 1.9
test("a lifetime counts from when it was given, though the module comes later or is started anew", async (t) => {
  const { broken, driver } = brittle();
  const clock = new ManualClock();
  const tokens = { accessToken: "AT-1", refreshToken: "RT-1", expiresIn: 100 };
  const session = new Session(api.options({ tokens, background: false }), driver(clock));
  const end = clock.wall() + 100_000;
  assert.equal((await session.token()).expiresAt.getTime(), end);
  clock.advance(40_000);
  broken.turn = true;
  await assert.rejects(session.status(), { kind: "System" });
  assert.equal((await session.token()).expiresAt.getTime(), end);

  let now = 5_000;
  t.mock.method(performance, "now", () => now);
  let come;
  const [later, over] = [100, 20].map((expiresIn) => new Session(api.options({ tokens: { ...tokens, expiresIn }, alone: true }), new Promise((resolve) => (come = chain(come, resolve)))));
  now += 40_000;
  const late = new ManualClock();
  come(driver(late));
  assert.equal((await later.token()).expiresAt.getTime(), late.wall() + 60_000);
  // It had ended when the module came: it is refreshed, not served.
  assert.notEqual((await over.token()).value, "AT-1");
});

/** Both are told. */
function chain(one, other) {
  return (driver) => {
    one?.(driver);
    other(driver);
  };
}

// spec 10.1
test("that a sign-in is needed is never dropped behind other events", async () => {
  const { Listeners } = await import("../dist/events.js");
  const listeners = new Listeners();
  await Promise.resolve();
  const events = listeners.iterate();
  const first = events.next();
  listeners.tell({ name: "LoginRequired" });
  for (let at = 0; at < 600; at++) listeners.tell({ name: "Retried", generation: at });
  const seen = [(await first).value];
  for (let at = 1; at < 256; at++) seen.push((await events.next()).value);
  assert.equal(seen.filter(({ name }) => name === "LoginRequired").length, 1);
  assert.equal(seen.at(-1).generation, 599);
  await events.return();
});

test("after a trap the module is started anew, and the session comes back from its store", async () => {
  const { broken, driver: start } = brittle();
  const driver = start();
  const session = new Session(api.options(), driver);
  const client = new Client(session, { baseUrl: api.url });
  assert.equal((await session.fetch(`${api.url}/data`)).status, 200);
  assert.equal(await session.shutdown(), true);
  broken.turn = true;
  const error = await session.status().then(() => assert.fail(), (error) => error);
  assert(error instanceof RekindleError);
  assert.deepEqual([error.kind, error.retryable], ["System", true]);
  assert(error.cause instanceof WebAssembly.RuntimeError, inspect(error.cause));
  assert.doesNotMatch(inspect(error), /AT-|RT-/);
  // The refreshed tokens, not those that it was made with.
  assert.equal((await session.token()).value, "AT-3");
  assert.equal((await session.fetch(`${api.url}/data`)).status, 200);
  assert.equal((await client.get("/data").json()).path, "/data");
  assert.equal(api.refreshes(), 1);
  broken.tag = true;
  assert.equal(session.tokenIfValid(), undefined);
  assert.equal((await session.token()).value, "AT-3");
  assert.equal(broken.made, 3);
});

test("a trap in the middle of two hundred requests fails no later one, and loses no credential", async () => {
  const { broken, driver: start } = brittle();
  const driver = start();
  const session = new Session(api.options(), driver);
  await session.fetch(`${api.url}/data`);
  await session.shutdown();
  const all = Array.from({ length: 200 }, () => session.fetch(`${api.url}/data`));
  broken.turn = true;
  const settled = await Promise.allSettled(all);
  const reasons = settled.filter((one) => one.status === "rejected").map((one) => one.reason.kind);
  assert.deepEqual([...new Set(reasons)].filter((kind) => kind !== "System"), []);
  const again = await Promise.all(Array.from({ length: 200 }, () => session.fetch(`${api.url}/data`)));
  assert.deepEqual([...new Set(again.map((response) => response.status))], [200]);
  assert.equal(api.refreshes(), 1);
});

test("a module that fails each time is an error each time, and no endless circle", async () => {
  const { broken, driver: start } = brittle();
  const driver = start();
  const session = new Session(api.options(), driver);
  await session.token();
  broken.always = true;
  for (let round = 0; round < 10; round++) await assert.rejects(session.status(), { kind: "System" });
  const { made } = broken;
  // A circle would be of promises, which all have their turn before the next task, or of a timer, which there is none of.
  await new Promise(setImmediate);
  assert.deepEqual([broken.made, driver.due], [made, undefined]);
  broken.always = false;
  assert.equal((await session.token()).value, "AT-1");
});

test("a page without room for another memory is told so, and no network is blamed", () => {
  const { kind, message } = explain(new RangeError("WebAssembly.instantiate(): Out of memory: Cannot allocate Wasm memory for new instance"));
  assert.equal(kind, "System");
  assert.match(message, /no room for another WebAssembly memory/);
});

test("a store that rejects is an error that says so, and nothing is lost", async () => {
  const store = new MemoryStore("failing");
  let works = false;
  const failing = {
    identity: "failing",
    load: (key) => (works ? store.load(key) : Promise.reject(new Error("duplicate key (record)=(SENTINEL-REFRESH-TOKEN-1)"))),
    save: (key, record, expected) => (works ? store.save(key, record, expected) : Promise.reject(new Error("the disk is gone"))),
  };
  const { tokens: _, ...unsigned } = api.options({ store: failing, waitTimeout: 20_000 });
  const session = new Session(unsigned);
  const error = await session.token().then(() => assert.fail(), (error) => error);
  assert.equal(error.kind, "StoreUnavailable");
  assert.doesNotMatch(inspect(error), /SENTINEL/);
  works = true;
  await session.signIn({ accessToken: "AT-2", refreshToken: "RT-2" });
  assert.equal((await session.token()).value, "AT-2");
  const throwing = new Session(api.options({ store: { load: () => { throw new TypeError("at once"); }, save: async () => undefined }, waitTimeout: 20_000 }));
  await throwing.token().catch((error) => assert.equal(error.kind, "StoreUnavailable"));
});

test("a fetch that throws is what its caller gets, and one that never answers ends with the deadline", async () => {
  const broken = new Session(api.options({ fetch: () => { throw new RangeError("not today"); } }));
  await assert.rejects(broken.fetch(`${api.url}/data`), { name: "RangeError" });
  const error = await new Client(broken, { baseUrl: api.url, retries: 1 }).get("/data").json().then(() => assert.fail(), (error) => error);
  assert.deepEqual([error.kind, error.cause?.name], ["Connection", "RangeError"]);
  const clock = new ManualClock();
  const never = new Session(api.options({ fetch: () => new Promise(() => undefined) }), await newDriver(clock));
  const waiting = new Client(never, { baseUrl: api.url }).get("/data").json().catch((error) => error);
  while (clock.left() === undefined) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(60_000);
  assert.equal((await waiting).kind, "Timeout");
  const nothing = new Session(api.options({ fetch: async () => undefined }));
  await assert.rejects(nothing.fetch(`${api.url}/data`), { kind: "Misuse", message: /fetch gave no Response/ });
});

test("clocks that jump lose no token and start no storm", async () => {
  const clock = new ManualClock();
  const session = new Session(api.options({ tokens: { accessToken: "AT-2", refreshToken: "RT-2", expiresIn: 900 } }), await newDriver(clock));
  assert.equal((await session.token()).value, "AT-2");
  clock.jumpWall(-365 * 86_400_000);
  assert.equal((await session.token()).value, "AT-2");
  clock.jumpWall(20 * 365 * 86_400_000);
  for (let round = 0; round < 50; round++) assert.match((await session.token()).value, /^AT-[23]$/);
  assert(api.refreshes() <= 1, `${api.refreshes()}`);
});

test("what a session is made of is checked before anything is sent", () => {
  const wrong = (options) => () => new Session(options);
  assert.throws(wrong(null), { kind: "InvalidConfig" });
  assert.throws(wrong({ ...api.options(), tokens: "AT-1" }), (error) => error.kind === "InvalidConfig" && !inspect(error).includes("AT-1"));
  assert.throws(wrong({ ...api.options(), clientSecret: { SECRET: 1 } }), (error) => error.kind !== undefined && !inspect(error).includes("SECRET"));
  assert.throws(wrong({ ...api.options(), store: {} }), /load and save/);
  assert.throws(wrong({ ...api.options(), fetch: "no" }), /fetch must be a function/);
  assert.throws(wrong({ ...api.options(), orgins: [] }), /did you mean origins/);
});

test("no rejection was left unhandled", async () => {
  const driver = await newDriver();
  const session = new Session(api.options({ refresh: async () => { throw new Error("no"); }, waitTimeout: 20 }), driver);
  session.invalidate();
  void session.fetch(`${api.url}/data`).catch(() => undefined);
  const client = new Client(session, { baseUrl: api.url });
  await Promise.allSettled([client.get("/data").json(), session.token(), session.shutdown(100)]);
  while (driver.busy) await new Promise(setImmediate);
  // Node tells of a rejection when the task has ended that nobody handled it in.
  await new Promise(setImmediate);
  assert.deepEqual(unhandled, []);
});
