/** A server of its own process: 1 KB of JSON for the newest token, 401 for any other. */
import { createServer } from "node:http";

let valid = 1;
let refreshes = 0;
let [reused, lose, late] = [0, 0, 0];
/** The script of the page for tabs. */
let page = "";
const spent = new Set();
const body = JSON.stringify({ padding: "x".repeat(1_000) });
const server = createServer((request, response) => {
  const { headers } = request;
  // auth-js adds a query to the token endpoint.
  const url = request.url.split("?")[0];
  const open = { "access-control-allow-origin": headers.origin ?? "*", "access-control-allow-headers": "*, authorization", "access-control-allow-methods": "*" };
  const send = (status, text, type = "application/json") => response.writeHead(status, { "content-type": type, "cache-control": "no-store", ...open }).end(text);
  if (url === "/page") return send(200, '<!doctype html><title>waits</title><script type="module" src="/page.js"></script>', "text/html");
  if (url === "/page.js") return send(200, page, "text/javascript");
  if (url === "/logout") return send(204, "");
  if (request.method === "GET" && url === "/data") {
    const fine = headers.authorization === `Bearer AT-${valid}`;
    if (!fine && late > 0) return setTimeout(() => send(401, '{"error":"expired"}'), late);
    return fine ? send(200, body) : send(401, '{"error":"expired"}');
  }
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const text = Buffer.concat(chunks).toString();
    if (url === "/token") {
      const token = /refresh_?token["=:]*?"?(RT-\d+)/i.exec(text)?.[1];
      refreshes += 1;
      if (spent.has(token)) reused += 1;
      spent.add(token);
      valid += 1;
      const answer = JSON.stringify({ access_token: `AT-${valid}`, refresh_token: `RT-${valid}`, token_type: "bearer", expires_in: 3600 });
      return setTimeout(() => (lose-- > 0 ? response.destroy() : send(200, answer)), 30);
    }
    if (url === "/control") {
      const asked = JSON.parse(text || "{}");
      if (asked.expire) valid += 1;
      if (asked.reset) [valid, refreshes, reused, lose, late] = [1, 0, 0, 0, 0], spent.clear();
      lose = asked.lose ?? lose;
      late = asked.late ?? late;
      page = asked.page ?? page;
      return send(200, JSON.stringify({ valid, refreshes, reused }));
    }
    send(404, "{}");
  });
});
server.keepAliveTimeout = 600_000;
server.listen(0, "127.0.0.1", () => process.send({ url: `http://127.0.0.1:${server.address().port}` }));
process.on("disconnect", () => process.exit());
