/** Prints a token from a file that other processes use too: `token_from_file.mjs FILE TOKEN_URL CLIENT_ID`. For Node, Bun and Deno. */
import { FileStore } from "../../dist/file-store.js";
import { Session } from "../../dist/index.js";

const [file, tokenUrl, clientId] = globalThis.Deno?.args ?? process.argv.slice(2);
const session = new Session({ store: new FileStore(file), tokenUrl, clientId });
console.log("started");
console.log((await session.token()).value);
