import { app } from "$lib/users.server.js";

/** As a server does that calls an API with its user's token: here it shows that there is one. */
export async function GET({ request }) {
  if (request.headers.get("authorization") !== "Bearer AT-2") return new Response("expired", { status: 401 });
  const ada = app.session("ada");
  await ada.signIn({ accessToken: "server-side", refreshToken: "RT" });
  return new Response((await ada.token()).value);
}
