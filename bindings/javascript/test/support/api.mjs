/** An API on loopback whose tokens are AT-1, AT-2, ..; it accepts the newest alone. */
import { createServer } from "node:http";

export async function startApi(routes = {}) {
  const api = { seen: [], valid: 2, routes, gate: undefined, refreshes: () => api.seen.filter((one) => one.path === "/token").length };
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const { pathname, search } = new URL(request.url, api.url);
      const token = request.headers.authorization?.replace("Bearer ", "");
      const body = Buffer.concat(chunks).toString();
      const told = { path: pathname, search, method: request.method, token, body, headers: request.headers };
      api.seen.push(told);
      const send = (status, json, headers = {}) =>
        response.writeHead(status, { "content-type": "application/json", ...headers }).end(typeof json === "string" ? json : JSON.stringify(json));
      if (pathname === "/token") {
        api.valid += 1;
        api.reached?.();
        const tokens = { access_token: `AT-${api.valid}`, refresh_token: `RT-${api.valid}`, expires_in: 900 };
        return void Promise.resolve(api.gate).then(() => setImmediate(() => send(200, tokens)));
      }
      if (token !== `AT-${api.valid}`) return send(401, { error: "expired" });
      const route = api.routes[pathname];
      if (route) return route(told, send, response);
      send(200, { path: pathname, search, method: request.method, body });
    });
  });
  // An idle connection that is closed while it is taken for the next request would be a failure of its own.
  server.keepAliveTimeout = 600_000;
  api.server = server;
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  api.url = `http://127.0.0.1:${server.address().port}`;
  api.stop = () => {
    server.closeAllConnections();
    server.close();
  };
  /** What a session needs whose token has ended, as far as the server knows. */
  api.options = (options = {}) => {
    api.seen.length = 0;
    api.valid = 2;
    const tokens = { accessToken: "AT-1", refreshToken: "RT-1" };
    return { tokenUrl: `${api.url}/token`, clientId: "app", tokens, origins: [api.url], ...options };
  };
  return api;
}
