/** A Worker in front of an API: it adds the user's token, which all its instances refresh once. */
import { Session } from "rekindle";

import { durableStore } from "./store.mjs";

export { TokenRecord } from "./store.mjs";

export default {
  async fetch(request, env, context) {
    const user = request.headers.get("x-user") ?? "anonymous";
    const session = new Session({
      tokenUrl: env.TOKEN_URL,
      clientId: "worker",
      origins: [env.API],
      insecureOrigins: env.INSECURE?.split(",") ?? [],
      store: durableStore(env.TOKENS.get(env.TOKENS.idFromName(user)), user),
    });
    // Whatever is still to be saved is, after the answer has gone out.
    context.waitUntil(session.shutdown());
    const { pathname } = new URL(request.url);
    if (pathname === "/sign-in") return session.signIn(await request.json()).then(() => new Response("signed in"));
    if (pathname === "/refresh-later") {
      context.waitUntil(session.refresh());
      return new Response("under way");
    }
    return session.fetch(env.API + pathname);
  },
};
