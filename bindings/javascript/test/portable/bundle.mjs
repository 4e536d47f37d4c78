/** Node's conformance tests, as one file that runs elsewhere: what only Node has is replaced. */
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));

/** For a page: servers are started by the test outside of it. */
export async function forBrowser() {
  const stub = (name) => file(`stubs/${name}.mjs`);
  const made = await build({
    entryPoints: [file("page.mjs")],
    bundle: true,
    format: "esm",
    write: false,
    outdir: "/",
    conditions: ["browser"],
    alias: {
      "node:test": file("tests.mjs"),
      "node:fs": stub("fs"),
      "node:assert/strict": stub("assert"),
      "node:util": stub("util"),
      "node:timers/promises": stub("timers"),
      "node:child_process": stub("child"),
      "node:readline": stub("child"),
    },
    define: { "process.env.REKINDLE_TEST_SERVER": '"outside"', "process.env.REKINDLE_CASE": "undefined" },
  });
  return new Map(made.outputFiles.map(({ path, text }) => [path.replace(/^.*\//, "/"), text]));
}

/** For a runtime that knows Node's modules but for `node:test`. */
export async function forRuntime(outfile) {
  const dist = { name: "dist", setup: ({ onResolve }) => onResolve({ filter: /^rekindle$|\/dist\// }, ({ path }) => ({ path: file(`../../dist/${path === "rekindle" ? "index.js" : path.replace(/^.*\/dist\//, "")}`), external: true })) };
  await build({
    entryPoints: [file("runtime.mjs")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "bundle",
    // The package says that nothing in it acts when it is loaded; its tests do.
    ignoreAnnotations: true,
    plugins: [dist],
    alias: { "node:test": file("tests.mjs") },
    // It reads the cases beside itself.
    define: { "import.meta.url": JSON.stringify(new URL("../conformance.test.mjs", import.meta.url).href) },
  });
}
