// GET from a REST API. Its `401 {"error": "token_expired"}` is answered with a refresh, and the GET is sent again.
import { Client, Session } from "rekindle";

const { API_URL: baseUrl, ACCESS_TOKEN: accessToken, REFRESH_TOKEN: refreshToken } = process.env;
const session = new Session({
  dialect: "json",
  tokenUrl: `${baseUrl}/refresh`,
  tokens: { accessToken, refreshToken },
});
const client = new Client(session, { baseUrl });
console.log(await client.get("/data").json());
