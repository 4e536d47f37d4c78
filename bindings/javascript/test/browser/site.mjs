/** A site on loopback: pages with rekindle in them, an API, and a token endpoint that takes each refresh token once. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Which script a page has. */
const PAGES = { "/react": "react-page", "/axios": "axios-page" };

let bundled;

/** As an application bundles it: the pages' code, and the service worker's. */
function bundle() {
  return (bundled ??= build({
    entryPoints: ["page", "service-worker", "react-page", "axios-page"].map((name) => file(`${name}.mjs`)),
    define: { "process.env.NODE_ENV": '"development"' },
    bundle: true,
    format: "esm",
    write: false,
    outdir: "/",
    conditions: ["browser"],
    // The package says that nothing in it acts when it is loaded; its tests do.
    ignoreAnnotations: true,
    // The module is a file beside the bundle.
    logOverride: { "empty-import-meta": "silent" },
  }).then((made) => new Map(made.outputFiles.map(({ path, text }) => [path.replace(/^.*\//, "/"), text]))));
}

export class Site {
  /** Seconds that an access token lives. */
  lifetime = 3600;
  /** A refresh token that was just replaced is answered as its successor was: many servers allow it for some seconds. */
  grace = false;
  /** Answers to token requests wait for it. */
  gate = Promise.resolve();
  /** Headers of the pages. */
  headers = {};
  refreshes = 0;
  /** How often a refresh token came that had been used: a server would end the session for it. */
  reuses = 0;
  /** Bodies of sign-outs that came with the cookie. */
  revoked = [];
  /** API requests, by status. */
  answered = new Map();
  #valid = new Map();
  #refreshToken;
  #before;
  #next = 0;
  #last;

  static async start(settings = {}) {
    const site = Object.assign(new Site(), settings);
    site.scripts = await bundle();
    site.server = createServer((request, response) => void site.#serve(request, response).catch((error) => response.destroy(error)));
    await new Promise((resolve) => site.server.listen(0, "127.0.0.1", resolve));
    site.url = `http://localhost:${site.server.address().port}`;
    return site;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  /** What a sign-in brings. */
  signIn() {
    const { access_token, refresh_token, expires_in } = this.#mint();
    return { accessToken: access_token, refreshToken: refresh_token, expiresIn: expires_in };
  }

  expireAll() {
    this.#valid.clear();
  }

  #mint() {
    this.#next += 1;
    const [access_token, refresh_token] = [`AT-${this.#next}`, `RT-${this.#next}`];
    this.#valid.set(access_token, Date.now() + this.lifetime * 1000);
    this.#before = this.#refreshToken;
    this.#refreshToken = refresh_token;
    return (this.#last = { access_token, refresh_token, expires_in: this.lifetime });
  }

  async #serve(request, response) {
    const { pathname } = new URL(request.url, this.url);
    const send = (status, body, type = "application/json") =>
      response.writeHead(status, { "content-type": type, "cache-control": "no-store", "set-cookie": "refresh=secret; HttpOnly; Path=/cookie-refresh", ...this.headers }).end(body);
    if (pathname === "/token") return this.#token(await text(request), send);
    if (pathname === "/cookie-refresh/revoke") return this.#cookieRevoke(await text(request), request, send);
    if (pathname === "/cookie-refresh") return this.#cookieRefresh(request, send);
    if (pathname === "/data") return this.#data(request, send);
    if (pathname === "/rekindle.wasm") return send(200, await readFile(file("../../dist/rekindle.wasm")), "application/wasm");
    const script = this.scripts.get(pathname);
    if (script) return send(200, script, "text/javascript");
    return send(200, `<!doctype html><title>rekindle</title><script type="module" src="/${PAGES[pathname] ?? "page"}.js"></script>`, "text/html");
  }

  async #token(body, send) {
    const token = new URLSearchParams(body).get("refresh_token");
    const known = token === this.#refreshToken || (this.grace && token === this.#before);
    if (!known) {
      this.reuses += 1;
      return send(400, JSON.stringify({ error: "invalid_grant" }));
    }
    this.refreshes += 1;
    const minted = token === this.#refreshToken ? this.#mint() : this.#last;
    await this.gate;
    send(200, JSON.stringify(minted));
  }

  /** The refresh token is in a cookie that no script sees. */
  #cookieRefresh(request, send) {
    this.refreshes += 1;
    if (!request.headers.cookie?.includes("refresh=secret")) return send(401, "{}");
    const { access_token, expires_in } = this.#mint();
    send(200, JSON.stringify({ access_token, expires_in }));
  }

  /** What names the session is in the cookie. */
  #cookieRevoke(body, request, send) {
    if (request.headers.cookie?.includes("refresh=secret")) this.revoked.push(body);
    send(200, "{}");
  }

  #data(request, send) {
    const token = request.headers.authorization?.replace("Bearer ", "");
    const status = (this.#valid.get(token) ?? 0) > Date.now() ? 200 : 401;
    this.answered.set(status, (this.answered.get(status) ?? 0) + 1);
    send(status, JSON.stringify({ token: status === 200 }));
  }
}

async function text(request) {
  let body = "";
  for await (const chunk of request) body += chunk;
  return body;
}
