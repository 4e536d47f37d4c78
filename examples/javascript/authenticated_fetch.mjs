// A fetch that stays signed in. Where the sign-in is lost for good, it says where to sign in again.
import { Session } from "rekindle";

const { API_URL: api, ACCESS_TOKEN: accessToken, REFRESH_TOKEN: refreshToken } = process.env;
const session = new Session({
  dialect: "json",
  tokenUrl: `${api}/api/token/refresh`,
  tokens: { accessToken, refreshToken },
  origins: [api],
});
session.on("loginRequired", () => console.log(`Please sign in: ${api}/login`));

const response = await session.fetch(`${api}/data`);
console.log(response.status, await response.text());
