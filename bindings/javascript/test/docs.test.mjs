/** The programs on the documentation's pages, each with an expired token. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { startServer } from "./conformance/server.mjs";

const folder = fileURLToPath(new URL("../../../docs/programs/javascript/", import.meta.url));
const own = fileURLToPath(new URL("../", import.meta.url));

/** As `npm install` does it there. */
mkdirSync(`${folder}node_modules`, { recursive: true });
for (const [name, at] of [["rekindle", own], ...["axios", "axios-auth-refresh", "ky"].map((name) => [name, `${own}node_modules/${name}`])]) {
  try {
    symlinkSync(at, `${folder}node_modules/${name}`, "dir");
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
}

function run(program, given) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [`${folder}${program}.mjs`], { env: { ...process.env, ...given } });
    let [out, err] = ["", ""];
    child.stdout.on("data", (chunk) => (out += chunk));
    child.stderr.on("data", (chunk) => (err += chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

for (const program of ["axios_auth_refresh_before", "axios_after", "ky_before", "ky_after"]) {
  test(`the program ${program} of the pages refreshes once`, async () => {
    const server = await startServer({ auth: { dialect: "oauth", rotation: "strict_family" } });
    const made = await server.control("POST", "/__sign_in");
    await server.control("POST", "/__expire_all");
    const given = { API_URL: server.url, TOKEN_URL: `${server.url}/oauth/token`, ACCESS_TOKEN: made.access_token, REFRESH_TOKEN: made.refresh_token };
    const { code, out, err } = await run(program, given);
    assert(code === 0 && out.includes("ok"), out + err);
    const { refreshes, reuses_detected } = await server.control("GET", "/__counters");
    server.close();
    assert.deepEqual([refreshes, reuses_detected], [1, 0]);
  });
}
