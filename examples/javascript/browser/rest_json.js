// GET from a REST API in a page. Its `401 {"error": "token_expired"}` is answered with a refresh, and the GET is sent again.
import { Client, Session, tokensFromLocalStorage } from "rekindle";

const baseUrl = location.origin;
const session = new Session({
  dialect: "json",
  tokenUrl: `${baseUrl}/refresh`,
  tokens: tokensFromLocalStorage({ accessToken: "accessToken", refreshToken: "refreshToken" }),
});
const client = new Client(session, { baseUrl });
document.body.append(JSON.stringify(await client.get("/data").json()));
