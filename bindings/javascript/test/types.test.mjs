import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("the types say what they should", () => {
  const file = (path) => fileURLToPath(new URL(path, import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [file("../node_modules/typescript/bin/tsc"), "-p", file("tsconfig.json")], { encoding: "utf8" });
  assert.equal(status, 0, stdout);
});
