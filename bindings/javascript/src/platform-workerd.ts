import module from "./rekindle.wasm";

import type { Platform } from "./platform.js";
import { synchronousOwner } from "./synchronous-owner.js";

/** Cloudflare Workers: code is compiled when it is deployed, never while it runs, so the module is imported. */
export const platform: Platform = {
  load: () => new WebAssembly.Instance(module, {}),
  boot: () => "",
  // workerd rejects the options `cache` and `credentials`; it neither caches token requests nor has cookies.
  tokenRequest: {},
  // One request must not await I/O that another one started; they share a store, preferably a Durable Object.
  shares: false,
  seesRedirects: true,
  ...synchronousOwner,
};
