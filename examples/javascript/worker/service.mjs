/** A Worker that calls an API on its own behalf: the token is kept in KV, so that not every request asks for one. */
import { Session } from "rekindle";

import { kvStore } from "./kv-store.mjs";

export default {
  async fetch(request, env, context) {
    const session = new Session({
      tokenUrl: env.TOKEN_URL,
      clientId: "worker",
      clientSecret: env.CLIENT_SECRET,
      clientCredentials: { scope: "read" },
      origins: [env.API],
      insecureOrigins: env.INSECURE?.split(",") ?? [],
      store: kvStore(env.TOKENS),
    });
    context.waitUntil(session.shutdown());
    return session.fetch(env.API + new URL(request.url).pathname);
  },
};
