/** The programs in `examples/javascript`, each with an expired token. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { startServer } from "./conformance/server.mjs";

const folder = fileURLToPath(new URL("../../../examples/javascript/", import.meta.url));
const own = fileURLToPath(new URL("../", import.meta.url));

/** As `npm install` does it there. */
mkdirSync(`${folder}node_modules`, { recursive: true });
try {
  symlinkSync(own, `${folder}node_modules/rekindle`, "dir");
} catch (error) {
  if (error.code !== "EEXIST") throw error;
}

async function run(name, server) {
  const made = await server.control("POST", "/__sign_in");
  const given = {
    API_URL: name === "graphql" ? `${server.url}/graphql` : server.url,
    TOKEN_URL: `${server.url}/oauth/token`,
    CLIENT_ID: "app",
    CLIENT_SECRET: "app-secret",
    ACCESS_TOKEN: made.access_token,
    REFRESH_TOKEN: made.refresh_token,
  };
  return () =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [`${folder}${name}.mjs`], { env: { ...process.env, ...given } });
      let [out, err] = ["", ""];
      child.stdout.on("data", (chunk) => (out += chunk));
      child.stderr.on("data", (chunk) => (err += chunk));
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, out, err }));
    });
}

for (const [name, dialect, said] of [
  ["rest_json", "json", "ok"],
  ["authenticated_fetch", "api_token", "200"],
  ["oauth", "oauth", "1 refreshes, 0 sign-ins lost"],
  ["graphql", "graphql", "students"],
]) {
  test(`the example ${name} with an expired token refreshes once`, async () => {
    const server = await startServer({ auth: { dialect, rotation: "strict_family" } });
    const program = await run(name, server);
    await server.control("POST", "/__expire_all");
    const { code, out, err } = await program();
    assert(code === 0 && out.includes(said), out + err);
    const { refreshes, reuses_detected } = await server.control("GET", "/__counters");
    server.close();
    assert.deepEqual([refreshes, reuses_detected], [1, 0]);
  });
}

for (const [name, dialect] of [["authenticated_fetch", "api_token"], ["oauth", "oauth"]]) {
  test(`the example ${name} whose sign-in is lost says so`, async () => {
    const server = await startServer({ auth: { dialect } });
    const program = await run(name, server);
    await server.control("POST", "/__revoke_all");
    const { out, err } = await program();
    server.close();
    assert(out.includes("Please sign in"), out + err);
  });
}
