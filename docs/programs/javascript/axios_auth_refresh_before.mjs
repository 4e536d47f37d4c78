const { TOKEN_URL: tokenUrl, API_URL: api } = process.env;
const tokens = { access: process.env.ACCESS_TOKEN, refresh: process.env.REFRESH_TOKEN };

// ANCHOR: program
import axios from "axios";
import { createAuthRefresh } from "axios-auth-refresh";

const client = axios.create({ baseURL: api });
client.interceptors.request.use((config) => {
  config.headers.set("authorization", `Bearer ${tokens.access}`);
  return config;
});
createAuthRefresh(client, async (failed) => {
  const form = { grant_type: "refresh_token", refresh_token: tokens.refresh, client_id: "app", client_secret: "app-secret" };
  const { data } = await axios.post(tokenUrl, new URLSearchParams(form));
  Object.assign(tokens, { access: data.access_token, refresh: data.refresh_token });
  failed.response.config.headers.Authorization = `Bearer ${tokens.access}`;
});
console.log((await client.get("/data")).data);
// ANCHOR_END: program
