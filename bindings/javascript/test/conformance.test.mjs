/** Replays `tests/conformance`, through `session.fetch` and through `Client`. */
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import assert from "node:assert/strict";

import { act } from "./conformance/act.mjs";
import { check, hasHeardAll } from "./conformance/check.mjs";
import { matches } from "./conformance/matching.mjs";
import { Stage } from "./conformance/stage.mjs";
import { leftOut } from "./conformance/skipped.mjs";

const suite = (name) => JSON.parse(readFileSync(new URL(`../../../tests/conformance/${name}.json`, import.meta.url))).cases;
const PATIENCE = 120_000;

async function run(spec, through) {
  const stage = await Stage.set(spec, through);
  try {
    const hangs = sleep(PATIENCE, "hangs", { ref: false });
    if ((await Promise.race([play(stage), hangs])) === "hangs") stage.complain("it hangs");
  } catch (error) {
    stage.complain(error.stack ?? String(error));
  } finally {
    stage.close();
  }
  return stage.complaints;
}

async function play(stage) {
  if (!stage.case.lazy) await stage.make("main", {});
  const lanes = new Map();
  for (const [at, operation] of stage.case.operations.entries()) await step(stage, lanes, at, operation);
  for (const lane of lanes.values()) await lane.done;
  for (let tries = 0; tries < 20_000 && !hasHeardAll(stage); tries++) await sleep(1);
  await check(stage);
}

async function step(stage, lanes, at, operation) {
  const { op, lane: name, of } = operation;
  if (op === "cancel" || (op === "wait_for" && name === undefined && of !== undefined)) {
    const lane = lanes.get(of);
    if (!lane) throw new Error(`operations[${at}]: there is no lane ${of}`);
    lanes.delete(of);
    if (op === "cancel") lane.controller.abort();
    await lane.done;
  } else if (name === undefined) {
    await perform(stage, at, operation);
  } else {
    const before = lanes.get(name)?.done;
    const controller = new AbortController();
    const work = async () => {
      await before;
      await perform(stage, at, operation, controller.signal);
    };
    const done = work().catch((error) => {
      if (!controller.signal.aborted) stage.complain(`lane ${name}: ${error.message}`);
    });
    lanes.set(name, { controller, done });
  }
}

/** Carries it out as often as it says, all at once, and compares what it gives. */
async function perform(stage, at, operation, signal) {
  const once = async () => {
    const result = await act(stage, operation.session ?? "main", operation, signal);
    const { expect } = operation;
    if (result.error && !expect?.error) throw new Error(`result.error: ${JSON.stringify(result.error)}, expected none`);
    const complaint = expect && matches(expect, result, "result");
    if (complaint !== undefined) throw new Error(complaint);
  };
  try {
    await Promise.all(Array.from({ length: operation.times ?? 1 }, once));
  } catch (error) {
    throw new Error(`operations[${at}]: ${error.message}`, { cause: error });
  }
}

const only = process.env.REKINDLE_CASE;
const cases = suite("cases").filter((one) => !only || one.id === only);
for (const through of ["fetch", "client"]) {
  for (const spec of cases.filter((one) => leftOut(one, through) === undefined)) {
    test(`${through}::${spec.topic}::${spec.id}`, { concurrency: true }, async () => {
      const complaints = await run(spec, through);
      assert.equal(complaints.join("\n"), "");
    });
  }

  /** What is not there, and how many cases are about it. */
  test(`${through}: cases that are not played`, (context) => {
    const reasons = new Map();
    for (const reason of cases.map((one) => leftOut(one, through)).filter((one) => one !== undefined)) {
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    for (const [reason, count] of reasons) context.diagnostic(`${count} cases are not played through ${through}: ${reason}`);
  });

  for (const spec of suite("must-fail").filter((one) => !only && leftOut(one, through) === undefined)) {
    test(`must_fail::${through}::${spec.id}`, async () => {
      assert.notEqual((await run(spec, through)).length, 0);
    });
  }
}
