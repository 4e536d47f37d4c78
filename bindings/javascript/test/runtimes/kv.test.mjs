/** The Worker of the examples that keeps its token in KV, in workerd. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import { Miniflare } from "miniflare";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));

test("requests of a Worker one after another use the token that is in KV", { timeout: 60_000 }, async (context) => {
  let grants = 0;
  const server = createServer((request, response) => {
    const send = (status, body) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (request.url === "/token") return send(200, { access_token: `AT-${++grants}`, token_type: "Bearer", expires_in: 3600 });
    send(request.headers.authorization === `Bearer AT-${grants}` ? 200 : 401, {});
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => (server.closeAllConnections(), server.close()));
  const url = `http://localhost:${server.address().port}`;
  const module = { name: "module", setup: ({ onResolve }) => onResolve({ filter: /\.wasm$/ }, () => ({ path: "./rekindle.wasm", external: true })) };
  const made = await build({
    entryPoints: [file("../../../../examples/javascript/worker/service.mjs")],
    bundle: true,
    format: "esm",
    write: false,
    conditions: ["workerd"],
    alias: { rekindle: file("../../dist/index.js") },
    plugins: [module],
  });
  const worker = new Miniflare({
    modules: [
      { type: "ESModule", path: "worker.mjs", contents: made.outputFiles[0].text },
      { type: "CompiledWasm", path: "rekindle.wasm", contents: await readFile(file("../../dist/rekindle.wasm")) },
    ],
    compatibilityDate: "2026-01-01",
    kvNamespaces: ["TOKENS"],
    bindings: { TOKEN_URL: `${url}/token`, API: url, INSECURE: url, CLIENT_SECRET: "secret" },
  });
  context.after(() => worker.dispose());
  for (let request = 0; request < 5; request++) assert.equal((await worker.dispatchFetch("http://worker/data")).status, 200);
  assert.equal(grants, 1);
});
