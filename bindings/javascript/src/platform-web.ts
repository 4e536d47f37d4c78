import type { Platform } from "./platform.js";

/** Browsers: the module is fetched once, when the first session is made. */
export const platform: Platform = {
  async load() {
    const response = await fetch(new URL("./rekindle.wasm", import.meta.url));
    return WebAssembly.compile(await response.arrayBuffer());
  },
  boot: () => "",
  seesRedirects: false,
  // There is no context that follows promises there.
  inside: (_, work) => work(),
  owner: () => undefined,
};
