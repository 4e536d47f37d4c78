/** Signs in at the server whose address is given, with a browser of this machine and a key; the person is one of the tests'. */
import { discover, Session, SigningKey } from "../../dist/index.js";
import { Person } from "../support/person.mjs";

const idp = (globalThis.Deno?.args ?? process.argv.slice(2))[0];
const session = new Session({ server: await discover(idp), clientId: "pub", dpopKey: await SigningKey.generate(), origins: [idp] });
const open = async (url) => void (await fetch(await new Person().goes(url, idp))).text();
await session.signInWithBrowser({ scope: "openid offline_access", prompt: "consent", open });
session.invalidate();
console.log((await session.fetch(`${idp}/me`)).status);
await session.shutdown();
