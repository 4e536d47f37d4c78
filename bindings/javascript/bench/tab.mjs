/** One library in a tab: see `correctness.mjs`. */
import { BrowserStore } from "rekindle";

import { clients } from "./clients.mjs";

let client;
globalThis.start = (name, url) => void (client = clients[name](url, { storage: localStorage, store: new BrowserStore("bench") }));
globalThis.ask = () => client.get().catch(() => 0);
