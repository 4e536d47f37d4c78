import { AsyncLocalStorage } from "node:async_hooks";
import { readFileSync } from "node:fs";

import { provided } from "./provided.js";
import type { Platform } from "./platform.js";

let module: WebAssembly.Module | undefined;

const owners = new AsyncLocalStorage<object>();

/** Node, Bun and Deno: the module is a file beside this one. */
export const platform: Platform = {
  load: () => new WebAssembly.Instance((module ??= new WebAssembly.Module(provided() ?? read()))),
  // `performance.now()` starts with the process, so no other process shares that clock.
  boot: () => "",
  tokenRequest: { cache: "no-store", credentials: "omit" },
  shares: true,
  seesRedirects: true,
  inside: (owner, work) => owners.run(owner, work),
  owner: () => owners.getStore(),
  // Loaded only when a user signs in.
  listen: async (host, port, path) => (await import("./loopback-node.js")).listen(host, port, path),
  openBrowser: async (url) => (await import("./loopback-node.js")).openBrowser(url),
};

function read(): Uint8Array<ArrayBuffer> {
  try {
    return readFileSync(new URL("./rekindle.wasm", import.meta.url));
  } catch {
    // Bundlers for servers (Next.js) replace the expression above by a web address. They do not recognize this one:
    const here = import.meta.url;
    return readFileSync(new globalThis.URL("./rekindle.wasm", here));
  }
}
