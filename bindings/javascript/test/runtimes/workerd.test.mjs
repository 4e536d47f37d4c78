/** The Worker of the examples, in workerd, with a Durable Object as the store. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import { Miniflare } from "miniflare";

import { Site } from "../browser/site.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const LIMIT = { timeout: 60_000 };

let site, worker;

before(async () => {
  site = await Site.start();
  const module = { name: "module", setup: ({ onResolve }) => onResolve({ filter: /\.wasm$/ }, () => ({ path: "./rekindle.wasm", external: true })) };
  const made = await build({
    entryPoints: [file("../../../../examples/javascript/worker/worker.mjs")],
    bundle: true,
    format: "esm",
    write: false,
    conditions: ["workerd"],
    external: ["cloudflare:workers"],
    alias: { rekindle: file("../../dist/index.js") },
    plugins: [module],
  });
  worker = new Miniflare({
    modules: [
      { type: "ESModule", path: "worker.mjs", contents: made.outputFiles[0].text },
      { type: "CompiledWasm", path: "rekindle.wasm", contents: await readFile(file("../../dist/rekindle.wasm")) },
    ],
    compatibilityDate: "2026-01-01",
    durableObjects: { TOKENS: "TokenRecord" },
    bindings: { TOKEN_URL: `${site.url}/token`, API: site.url, INSECURE: site.url },
  });
  await worker.ready;
});

after(async () => {
  await worker?.dispose();
  site?.stop();
});

const ask = (path, init) => worker.dispatchFetch(`http://worker${path}`, init);

async function signedIn() {
  const response = await ask("/sign-in", { method: "POST", body: JSON.stringify(site.signIn()) });
  assert.equal(await response.text(), "signed in");
  [site.refreshes, site.reuses] = [0, 0];
}

test("requests at once with a dead token make one refresh", LIMIT, async () => {
  await signedIn();
  site.expireAll();
  const statuses = await Promise.all(Array.from({ length: 6 }, () => ask("/data").then(({ status }) => status)));
  assert.deepEqual([...new Set(statuses)], [200]);
  assert.deepEqual([site.refreshes, site.reuses], [1, 0]);
});

test("a refresh that outlives its request is kept", LIMIT, async () => {
  await signedIn();
  let open;
  site.gate = new Promise((resolve) => (open = resolve));
  assert.equal(await (await ask("/refresh-later")).text(), "under way");
  const next = ask("/data");
  open();
  assert.equal((await next).status, 200);
  while (site.refreshes === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal((await ask("/data")).status, 200);
  assert.deepEqual([site.refreshes, site.reuses], [1, 0]);
});
