/** Replays `tests/conformance` in Bun and Deno. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { forRuntime } from "../portable/bundle.mjs";
import { reasons, sentAgain } from "../portable/hidden.mjs";
import { runtimes as programs } from "./programs.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));

const cases = JSON.parse(readFileSync(file("../../../../tests/conformance/cases.json"))).cases;
const ofDeno = reasons(cases, (spec) => sentAgain(spec, "Deno"));

// A GET alone: what Bun's own pool lost it asks for once more.
const ofBun = reasons(cases, (spec) => (spec.id === "broken-connection" ? sentAgain(spec, "Bun") : undefined));

const runtimes = programs.map((runtime) => [...runtime, runtime[0] === "bun" ? ofBun : ofDeno]);

const built = file("built.mjs");
await forRuntime(built);
const env = { ...process.env, NO_COLOR: "1" };
const play = ([, runtime, args]) => promisify(execFile)(runtime, [...args, built], { maxBuffer: 1 << 28, env }).catch((error) => error);
const told = [];
for (const runtime of runtimes) told.push((await play(runtime)).stdout ?? "");
rmSync(built);

for (const [at, [name, , , skipped]] of runtimes.entries()) {
  const results = [...told[at].matchAll(/^(ok|not ok) \d+ - (.*)\n((?:# .*\n)*)/gm)];
  test(`${name} plays the cases`, () => assert.ok(results.length > 200, `${results.length} results: ${told[at]}`));
  for (const [, result, title, why] of results.filter(([, , title]) => skipped(title) === undefined)) {
    test(`${name}: ${title}`, () => assert.equal(result, "ok", why));
  }

  /** What the runtime's own fetch stands in the way of. */
  test(`${name}: cases that it cannot play`, (context) => {
    for (const [, , title] of results) if (skipped(title)) context.diagnostic(`${title} does not count: ${skipped(title)}`);
  });
}
