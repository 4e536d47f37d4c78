/** An API and its token endpoints, as a plugin for Vite: tokens that expire when somebody says so, each refresh token good for once. */
export function api() {
  const valid = new Set();
  const log = [];
  const listeners = new Set();
  let [next, refreshToken] = [0, ""];

  const tell = (entry) => {
    log.push(entry);
    for (const listener of listeners) listener.write(`data: ${JSON.stringify(entry)}\n\n`);
  };
  const mint = () => {
    next += 1;
    refreshToken = `refresh-${next}`;
    valid.add(`access-${next}`);
    return { accessToken: `access-${next}`, refreshToken, access_token: `access-${next}`, refresh_token: refreshToken, expires_in: 900 };
  };
  const refresh = (token) => (token === refreshToken ? [200, mint()] : [401, { error: "invalid_grant" }]);
  const signed = ({ headers }) => valid.has(headers.authorization?.replace("Bearer ", ""));
  const students = ["Ada Lovelace", "Alan Turing"].map((fullName, id) => ({ id, fullName, classroomName: "4b" }));
  const unauthenticated = { errors: [{ message: "Authentication required", extensions: { code: "UNAUTHENTICATED" } }] };

  function graphql(request, { query, variables }) {
    if (!query.includes("refreshToken")) return [200, signed(request) ? { data: { students } } : unauthenticated];
    const token = Object.values(variables ?? {})[0] ?? /refreshToken:\s*"([^"]*)"/.exec(query)?.[1];
    const [status, made] = refresh(token);
    return [200, status === 200 ? { data: { refreshToken: made } } : unauthenticated];
  }

  const routes = {
    "/data": (request) => (signed(request) ? [200, { data: "still signed in" }] : [401, { error: "token_expired" }]),
    "/token": (_, body) => refresh(new URLSearchParams(body).get("refresh_token")),
    "/refresh": (_, body) => refresh(JSON.parse(body).refreshToken),
    "/api/token/refresh": (_, body) => refresh(JSON.parse(body).refreshToken),
    "/graphql": (request, body) => graphql(request, JSON.parse(body)),
    "/sign-in": () => [200, mint()],
    "/expire": () => (valid.clear(), [200, {}]),
    "/revoke": () => (valid.clear(), (refreshToken = ""), [200, {}]),
  };

  async function serve(request, response, pass) {
    const path = request.url.split("?")[0];
    if (path === "/log") {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      for (const entry of log) response.write(`data: ${JSON.stringify(entry)}\n\n`);
      listeners.add(response);
      return request.on("close", () => listeners.delete(response));
    }
    const route = routes[path];
    if (!route) return pass();
    let body = "";
    for await (const chunk of request) body += chunk;
    const [status, answer] = route(request, body);
    tell({ at: Date.now(), tab: request.headers["x-tab"], method: request.method, path, status });
    response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" }).end(JSON.stringify(answer));
  }

  return { name: "api", configureServer: ({ middlewares }) => void middlewares.use(serve) };
}
