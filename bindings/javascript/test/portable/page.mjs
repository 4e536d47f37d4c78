/** The page that plays the conformance cases. */
import { runAll, tests } from "node:test";

// A browser's cache sends equal GETs one after the other; the servers of some cases wait for all of them.
const cached = globalThis.fetch;
globalThis.fetch = (input, init) => cached(input, { ...init, cache: "no-store" });

const suites = ["cases", "must-fail"];
const texts = await Promise.all(suites.map((name) => fetch(`/${name}.json`).then((response) => response.text())));
globalThis.files = Object.fromEntries(suites.map((name, at) => [`${name}.json`, texts[at]]));
await import("../conformance.test.mjs");
globalThis.names = tests.map(({ name }) => name);
globalThis.play = (names) => runAll(tests.filter(({ name }) => names.includes(name)), 6, globalThis.tell);
