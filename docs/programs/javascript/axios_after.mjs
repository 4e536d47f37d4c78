const { TOKEN_URL: tokenUrl, API_URL: api, ACCESS_TOKEN: accessToken, REFRESH_TOKEN: refreshToken } = process.env;

// ANCHOR: program
import axios from "axios";
import { Session } from "rekindle";
import { install } from "rekindle/axios";

const session = new Session({ tokenUrl, clientId: "app", clientSecret: "app-secret", tokens: { accessToken, refreshToken }, origins: [api] });
const client = axios.create({ baseURL: api });
install(client, session);
console.log((await client.get("/data")).data);
// ANCHOR_END: program
