import module from "./inline-module.js";
import { provide } from "./provided.js";

provide(Uint8Array.from(atob(module), (letter) => letter.charCodeAt(0)));

/** The same as `rekindle`, with the module inside the script, for bundlers and servers that can't provide a separate file. */
export * from "./index.js";
