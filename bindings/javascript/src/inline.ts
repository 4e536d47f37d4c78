import module from "./inline-module.js";
import { provide } from "./provided.js";

provide(Uint8Array.from(atob(module), (letter) => letter.charCodeAt(0)));

/** As `rekindle`, with the module inside the script: for bundlers and places that can't serve a file beside it. */
export * from "./index.js";
