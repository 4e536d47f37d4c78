const { TOKEN_URL: tokenUrl, API_URL: api } = process.env;
const tokens = { access: process.env.ACCESS_TOKEN, refresh: process.env.REFRESH_TOKEN };

// ANCHOR: program
import ky from "ky";

async function refresh() {
  const form = { grant_type: "refresh_token", refresh_token: tokens.refresh, client_id: "app", client_secret: "app-secret" };
  const fresh = await ky.post(tokenUrl, { body: new URLSearchParams(form) }).json();
  Object.assign(tokens, { access: fresh.access_token, refresh: fresh.refresh_token });
}

const client = ky.create({
  hooks: {
    beforeRequest: [(request) => request.headers.set("authorization", `Bearer ${tokens.access}`)],
    afterResponse: [
      async (request, options, response) => {
        if (response.status !== 401) return response;
        await refresh();
        request.headers.set("authorization", `Bearer ${tokens.access}`);
        return ky(request);
      },
    ],
  },
});
console.log(await client.get(`${api}/data`).json());
// ANCHOR_END: program
