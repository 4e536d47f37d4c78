/** The package as it is handed out, in projects that use it. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { build } from "esbuild";

import { launch } from "../browser/browser.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const run = promisify(execFile);
const LIMIT = { timeout: 300_000 };
const here = file(".");
const work = file("work");
const own = (program, ...args) => run(process.execPath, [join(file("../../node_modules"), program), ...args], { cwd: work });
const bin = (program, ...args) => run(process.execPath, [join(here, "node_modules", program), ...args], { cwd: work, env: { ...process.env, NO_COLOR: "1" } });

/** What each of them does: a token that is served proves that the module is there and runs. */
const APP = (from, print) => `
import { Session } from ${JSON.stringify(from)};
const session = new Session({
  tokenUrl: "https://auth.example.com/token",
  tokens: { accessToken: "AT-1", refreshToken: "RT-1" },
  origins: ["https://api.example.com"],
});
session.token().then((token) => ${print}(token.value), (error) => ${print}(String(error)));
`;
const SHOW = "((text) => (document.title = text))";
const HTML = '<!doctype html><title>waits</title><script type="module" src="./app.js"></script>';

let tarball;

before(async () => {
  rmSync(work, { recursive: true, force: true });
  const installed = join(work, "node_modules/rekindle");
  mkdirSync(installed, { recursive: true });
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", work], { cwd: file("../.."), maxBuffer: 1 << 26 });
  tarball = join(work, JSON.parse(stdout)[0].filename);
  await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed]);
  writeFileSync(join(work, "package.json"), '{ "private": true, "type": "module" }');
}, LIMIT);

after(() => rmSync(work, { recursive: true, force: true }));

const write = (name, text) => {
  mkdirSync(join(work, name, ".."), { recursive: true });
  writeFileSync(join(work, name), text);
  return join(work, name);
};

test("nothing but the package is packed", LIMIT, async () => {
  const { stdout } = await run("tar", ["-tzf", tarball]);
  const names = stdout.trim().split("\n").map((name) => name.replace(/^package\//, ""));
  assert.deepEqual(names.filter((name) => !/^(dist\/[\w-]+\.(js|d\.ts|wasm)|package\.json|README\.md|LICENSE.*)$/.test(name)), []);
  for (const name of ["dist/index.js", "dist/index.d.ts", "dist/inline.js", "dist/rekindle.wasm"]) assert.ok(names.includes(name), name);
});

test("Node imports it, and requires it", LIMIT, async () => {
  const esm = await run(process.execPath, [write("esm.mjs", APP("rekindle", "console.log"))]);
  assert.equal(esm.stdout, "AT-1\n");
  const inline = await run(process.execPath, [write("inline.mjs", APP("rekindle/inline", "console.log"))]);
  assert.equal(inline.stdout, "AT-1\n");
  const cjs = APP("rekindle", "console.log").replace(/import (.*) from (.*);/, "const $1 = require($2);");
  assert.equal((await run(process.execPath, [write("cjs.cjs", cjs)])).stdout, "AT-1\n");
});

test("TypeScript finds its types, in strict projects of both kinds", LIMIT, async () => {
  write("types.ts", readFileSync(file("types.ts"), "utf8"));
  for (const module of [["nodenext", "nodenext"], ["esnext", "bundler"]]) {
    const compilerOptions = {
      noEmit: true,
      strict: true,
      exactOptionalPropertyTypes: true,
      target: "es2022",
      lib: ["es2023", "esnext.disposable", "dom", "dom.iterable"],
      types: [],
      module: module[0],
      moduleResolution: module[1],
    };
    write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["types.ts"] }));
    const { stdout } = await own("typescript/bin/tsc", "-p", ".").catch((error) => error);
    assert.equal(stdout, "");
  }
});

test("publint and attw have nothing to say", LIMIT, async () => {
  const lint = await bin("publint/src/cli.js", tarball, "--strict").catch((error) => error);
  assert.match(lint.stdout, /All good!/, lint.stdout);
  const types = await bin("@arethetypeswrong/cli/dist/index.js", tarball, "--profile", "esm-only", "--exclude-entrypoints", "rekindle.wasm").catch((error) => error);
  assert.equal(types.code, undefined, types.stdout);
});

test("Vite, webpack and esbuild bundle it, and the bundles run in a browser", LIMIT, async () => {
  write("vite/index.html", HTML);
  write("vite/app.js", APP("rekindle", SHOW));
  await bin("vite/bin/vite.js", "build", "vite", "--outDir", join(work, "site/vite"), "--logLevel", "warn", "--base", "./");
  await bin("webpack-cli/bin/cli.js", "build", "--mode", "production", "--entry", write("webpack/app.js", APP("rekindle", SHOW)), "-o", join(work, "site/webpack"));
  write("site/webpack/index.html", HTML.replace("app.js", "main.js").replace(' type="module"', " defer"));
  const esbuild = (from, folder) => build({ entryPoints: [write(`esbuild/${folder}.js`, APP(from, SHOW))], bundle: true, format: "esm", minify: true, outfile: join(work, "site", folder, "app.js"), logLevel: "error" });
  await esbuild("rekindle", "esbuild");
  // esbuild leaves `new URL(.., import.meta.url)` as it is: the file goes beside the bundle.
  cpSync(join(work, "node_modules/rekindle/dist/rekindle.wasm"), join(work, "site/esbuild/rekindle.wasm"));
  await esbuild("rekindle/inline", "inline");
  for (const folder of ["esbuild", "inline"]) write(`site/${folder}/index.html`, HTML);

  const server = await serve(join(work, "site"));
  const browser = await launch();
  try {
    for (const folder of ["vite", "webpack", "esbuild", "inline"]) {
      const page = await browser.newPage();
      const told = [];
      page.on("console", (message) => told.push(message.text()));
      page.on("pageerror", (error) => told.push(String(error)));
      await page.goto(`http://localhost:${server.address().port}/${folder}/index.html`);
      await page.waitForFunction(() => document.title !== "waits", undefined, { timeout: 30_000 }).catch(() => undefined);
      assert.equal(await page.title(), "AT-1", `${folder}: ${told.join("\n")}`);
    }
  } finally {
    await browser.close();
    server.close();
  }
});

async function serve(root) {
  const types = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
  const server = createServer(({ url }, response) => {
    try {
      const content = readFileSync(join(root, new URL(url, "http://localhost").pathname));
      response.writeHead(200, { "content-type": types[extname(url)] ?? "application/octet-stream" }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
