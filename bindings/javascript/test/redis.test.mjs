/** The program in `examples/javascript/redis`, with the system's redis-server. */
import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const folder = fileURLToPath(new URL("../../../examples/javascript/", import.meta.url));
const own = fileURLToPath(new URL("../", import.meta.url));
const missing = spawnSync("redis-server", ["--version"]).error ? "redis-server is not installed" : false;

/** As `npm install` does it there. */
mkdirSync(`${folder}node_modules`, { recursive: true });
for (const [name, place] of [["rekindle", own], ["redis", `${own}node_modules/redis`]]) {
  try {
    symlinkSync(place, `${folder}node_modules/${name}`, "dir");
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
}

test("four processes with a store in Redis and an expired token refresh once", { skip: missing, timeout: 120_000 }, async (context) => {
  const place = mkdtempSync(join(tmpdir(), "rekindle-redis-"));
  const socket = join(place, "redis.sock");
  const redis = spawn("redis-server", ["--port", "0", "--unixsocket", socket, "--dir", place, "--save", ""]);
  const gone = new Promise((resolve) => redis.once("exit", resolve));
  context.after(async () => {
    redis.kill();
    await gone;
    rmSync(place, { recursive: true });
  });
  await new Promise((resolve, reject) => {
    redis.once("exit", (code) => reject(new Error(`redis-server ended with ${code}`)));
    redis.stdout.on("data", (text) => /ready to accept connections/i.test(text) && resolve());
  });
  let [refreshes, reuses] = [0, 0];
  const server = createServer((request, response) => {
    const send = (status, body) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (request.url !== "/token") return send(request.headers.authorization === "Bearer AT-2" ? 200 : 401, {});
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      if (new URLSearchParams(body).get("refresh_token") !== "RT-1" || refreshes > 0) return (reuses++, send(400, { error: "invalid_grant" }));
      refreshes += 1;
      send(200, { access_token: "AT-2", refresh_token: "RT-2", token_type: "Bearer", expires_in: 3600 });
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => (server.closeAllConnections(), server.close()));
  const url = `http://127.0.0.1:${server.address().port}`;
  const env = { ...process.env, REDIS_URL: `unix://${socket}`, API_URL: url, TOKEN_URL: `${url}/token`, ACCESS_TOKEN: "AT-1", REFRESH_TOKEN: "RT-1" };
  const run = () => promisify(execFile)(process.execPath, [`${folder}redis/main.mjs`], { env });
  const all = await Promise.all(Array.from({ length: 4 }, run));
  assert.deepEqual(all.map(({ stdout }) => stdout), Array(4).fill("200\n"));
  assert.deepEqual([refreshes, reuses], [1, 0]);
});
