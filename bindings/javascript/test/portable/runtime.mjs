/** Plays the conformance cases, and tells the results as TAP. */
import { runAll, tests } from "node:test";

import "../conformance.test.mjs";

let at = 0;
await runAll(tests, 6, (name, complaint) => {
  console.log(`${complaint === undefined ? "ok" : "not ok"} ${++at} - ${name}`);
  if (complaint !== undefined) console.log(complaint.replace(/^/gm, "# "));
});
console.log(`1..${at}`);
process.exit(0);
