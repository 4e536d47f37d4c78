import module from "./rekindle.wasm";

import type { Platform } from "./platform.js";
import { synchronousOwner } from "./synchronous-owner.js";

/** Cloudflare Workers: code is compiled when it is deployed, never while it runs, so the module is imported. */
export const platform: Platform = {
  load: () => new WebAssembly.Instance(module, {}),
  boot: () => "",
  // It has neither a cache for these nor cookies of its own, and refuses to hear of them.
  tokenRequest: {},
  // A request may not wait for what another one's began: a store, best a Durable Object, is what they share.
  shares: false,
  seesRedirects: true,
  ...synchronousOwner,
};
