/** Writes the module as a script, for `rekindle/inline`. */
import { readFileSync, writeFileSync } from "node:fs";

const dist = (name) => new URL(`../dist/${name}`, import.meta.url);
writeFileSync(dist("inline-module.js"), `export default "${readFileSync(dist("rekindle.wasm")).toString("base64")}";\n`);
