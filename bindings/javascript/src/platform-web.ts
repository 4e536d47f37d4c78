import { explain } from "./loading.js";
import type { Platform } from "./platform.js";
import { provided } from "./provided.js";
import { synchronousOwner } from "./synchronous-owner.js";

let module: Promise<WebAssembly.Module> | undefined;

/** Browsers: the module is fetched once, when the first session needs it. */
export const platform: Platform = {
  async load() {
    try {
      // Not `new WebAssembly.Instance`: browsers refuse it on the main thread for large modules.
      return await WebAssembly.instantiate(await (module ??= compile()), {});
    } catch (error) {
      // The next session tries again: the network may be back.
      module = undefined;
      throw explain(error);
    }
  },
  boot: () => "",
  tokenRequest: { cache: "no-store", credentials: "omit" },
  shares: true,
  seesRedirects: false,
  ...synchronousOwner,
};

async function compile(): Promise<WebAssembly.Module> {
  const inside = provided();
  if (inside) return WebAssembly.compile(inside);
  const response = await fetch(new URL("./rekindle.wasm", import.meta.url), { credentials: "same-origin" });
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  const type = response.headers.get("content-type") ?? "";
  // The streaming compiler requires this type, and many servers send another one.
  if (type.startsWith("application/wasm")) return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}
