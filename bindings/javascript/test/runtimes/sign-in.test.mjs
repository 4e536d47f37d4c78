/** Signing in with a browser of the machine, and tokens that are bound to a key, in Bun and Deno. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { SigningKey } from "../../dist/index.js";
import { startProvider } from "../support/provider.mjs";
import { runtimes } from "./programs.mjs";

let idp;

before(async () => {
  // With a client's key the server wants proofs of possession, with its nonce.
  idp = await startProvider({ IDP_CLIENT_JWK: JSON.stringify((await SigningKey.generate()).jwk) });
});

after(() => idp.stop());

for (const [name, program, args] of runtimes) {
  test(`a user signs in with ${name}`, { timeout: 60_000 }, async () => {
    const script = fileURLToPath(new URL("signing-in.mjs", import.meta.url));
    const { stdout, stderr } = await promisify(execFile)(program, [...args, script, idp.url], { env: { ...process.env, NO_COLOR: "1" } });
    assert.equal(stdout, "200\n", stderr);
  });
}
