const { TOKEN_URL: tokenUrl, API_URL: api, ACCESS_TOKEN: accessToken, REFRESH_TOKEN: refreshToken } = process.env;

// ANCHOR: program
import ky from "ky";
import { Session } from "rekindle";

const session = new Session({ tokenUrl, clientId: "app", clientSecret: "app-secret", tokens: { accessToken, refreshToken }, origins: [api] });
const client = ky.create({ fetch: session.fetch });
console.log(await client.get(`${api}/data`).json());
// ANCHOR_END: program
