/** A server of its own process: 1 KB of JSON for the newest token, 401 for any other. */
import { createServer } from "node:http";

let valid = 1;
let refreshes = 0;
let [reused, lose, late] = [0, 0, 0];
const spent = new Set();
const body = JSON.stringify({ padding: "x".repeat(1_000) });
const server = createServer((request, response) => {
  const { url, headers } = request;
  const send = (status, text) => response.writeHead(status, { "content-type": "application/json" }).end(text);
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
      return send(200, JSON.stringify({ valid, refreshes, reused }));
    }
    send(404, "{}");
  });
});
server.keepAliveTimeout = 600_000;
server.listen(0, "127.0.0.1", () => process.send({ url: `http://127.0.0.1:${server.address().port}` }));
process.on("disconnect", () => process.exit());
