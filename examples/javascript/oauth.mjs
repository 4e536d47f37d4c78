// OAuth 2.0: the refresh of RFC 6749 with a client secret, `invalid_grant` as "sign in again", and the counters to watch.
import { Client, RekindleError, Session } from "rekindle";

const { API_URL: baseUrl, TOKEN_URL: tokenUrl, CLIENT_ID: clientId, CLIENT_SECRET: clientSecret } = process.env;
const tokens = { accessToken: process.env.ACCESS_TOKEN, refreshToken: process.env.REFRESH_TOKEN };
const session = new Session({ tokenUrl, clientId, clientSecret, tokens });
const client = new Client(session, { baseUrl });
try {
  console.log(await client.get("/data").json());
} catch (error) {
  if (!(error instanceof RekindleError) || error.kind !== "LoginRequired") throw error;
  console.log(`Please sign in again: ${error.message}`);
}
const { refreshes, logins_required } = await session.stats();
console.log(`${refreshes} refreshes, ${logins_required} sign-ins lost`);
