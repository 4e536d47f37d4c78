/** One API call. However many processes run this at once, on however many machines, an expired token is refreshed once. */
import { Session } from "rekindle";
import { createClient } from "redis";

import { redisStore } from "./store.mjs";

const { REDIS_URL, API_URL, TOKEN_URL, ACCESS_TOKEN, REFRESH_TOKEN } = process.env;
const redis = await createClient({ url: REDIS_URL }).connect();
const session = new Session({
  tokenUrl: TOKEN_URL,
  clientId: "app",
  tokens: { accessToken: ACCESS_TOKEN, refreshToken: REFRESH_TOKEN },
  origins: [API_URL],
  store: redisStore(redis, "rekindle"),
});
console.log((await session.fetch(`${API_URL}/data`)).status);
await session.shutdown();
redis.destroy();
