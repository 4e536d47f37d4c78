/** What is shown of sessions, errors and tokens: to people, to logs, to other threads. */
import assert from "node:assert/strict";
import { Console } from "node:console";
import { Writable } from "node:stream";
import { after, before, test } from "node:test";
import { format, inspect } from "node:util";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";

import { App, Client, MemoryStore, RekindleError, Session } from "rekindle";
import { startApi } from "./support/api.mjs";

const SECRET = /AT-\d|RT-\d|hush/;

let api;
before(async () => {
  api = await startApi({ "/refused": (_, send) => send(403, { error: "no", echo: "AT-3" }) });
});
after(() => api.stop());

/** All that a console prints. */
function printed(...values) {
  let text = "";
  const stdout = new Writable({ write: (chunk, _, done) => ((text += chunk), done()) });
  const console = new Console({ stdout, inspectOptions: { depth: 10, showHidden: true } });
  for (const value of values) {
    console.log(value);
    console.dir(value, { depth: 10, showHidden: true });
    console.table([value]);
  }
  return text;
}

/** Whatever a debugger or a serializer finds in it. */
function reachable(value, seen = new Set()) {
  if (typeof value === "string") return value;
  if ((typeof value !== "object" && typeof value !== "function") || value === null || seen.has(value)) return "";
  seen.add(value);
  const fields = Object.values(Object.getOwnPropertyDescriptors(value)).flatMap((one) => ("value" in one ? [one.value] : []));
  const entries = value instanceof Map || value instanceof Set ? [...value] : [];
  return [...fields, ...entries].map((one) => reachable(one, seen)).join("\n");
}

async function everything() {
  const session = new Session(api.options({ clientSecret: "hush", store: new MemoryStore() }));
  const client = new Client(session, { baseUrl: api.url, headers: { "x-key": "hush" } });
  const app = new App({ tokenUrl: `${api.url}/token`, clientId: "app", clientSecret: "hush", origins: [api.url] });
  await app.session("ada").signIn({ accessToken: "AT-2", refreshToken: "RT-2" });
  const events = [];
  session.onEvent((event) => events.push(event));
  const error = await client.get("/refused").json().then(() => assert.fail(), (error) => error);
  assert.equal(error.kind, "HttpStatus");
  return { session, client, app, error, events, token: await session.token(), store: new MemoryStore(), status: await session.status(), stats: await session.stats() };
}

test("neither a console nor JSON shows a token, however it is asked", async () => {
  for (const [name, value] of Object.entries(await everything())) {
    for (const shown of [printed(value), inspect(value, { showHidden: true, depth: 10 }), JSON.stringify({ value }), format("%o %O %j", value, value, value)]) {
      assert.doesNotMatch(shown, SECRET, name);
    }
  }
});

test("what an object previews in devtools holds no token", async () => {
  for (const [name, value] of Object.entries(await everything())) assert.doesNotMatch(reachable(value), SECRET, name);
});

test("an error that is cloned to another thread is an error still, and brings no token along", async () => {
  const { error } = await everything();
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(error);
  for (const clone of [structuredClone(error), receiveMessageOnPort(port2).message]) {
    assert.ok(clone instanceof Error);
    assert.equal(clone.message, error.message);
    assert.doesNotMatch(inspect(clone, { showHidden: true, depth: 10 }), SECRET);
  }
  port1.close();
  const plain = structuredClone(error.toJSON());
  assert.deepEqual([plain.kind, plain.status], ["HttpStatus", 403]);
  assert.ok(error instanceof RekindleError);
});

test("headers that are none are told by name, and nothing is sent", async () => {
  const session = new Session(api.options());
  for (const headers of [{ "x-a": "hush\r\nx: y" }, { "bad name": "hush" }, { "x-a": "hush\u{1f600}" }]) {
    await assert.rejects(session.fetch(`${api.url}/data`, { headers }), (error) => error instanceof TypeError);
  }
  assert.equal(api.seen.length, 0);
});
