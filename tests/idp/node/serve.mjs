// What every server here has in common: the start protocol and small HTTP helpers.
//
// Start protocol: listen on 127.0.0.1:0, print one JSON line {"url": "..."} when ready,
// exit when standard input closes (so that no server outlives the test that started it).
import { once } from 'node:events';
import { createServer } from 'node:http';

// The port has to be known before the application is built: an issuer is part of its configuration.
export async function serve(build) {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}`;
  server.on('request', await build(url));
  process.stdin.on('close', () => process.exit(0)).resume();
  process.stdout.write(`${JSON.stringify({ url })}\n`);
}

export function json(res, status, body, headers = {}) {
  res.writeHead(status, { 'content-type': 'application/json', ...headers });
  res.end(JSON.stringify(body));
}

export async function read(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

export function bearer(value) {
  return /^bearer +(\S+)$/i.exec(value ?? '')?.[1];
}

export function number(text, otherwise) {
  return text == null || text === '' ? otherwise : Number(text);
}

// The same names on every server, so that one Rust type reads them all.
export function newStats() {
  return {
    token_requests: 0,
    refreshes: 0,
    reuse_detected: 0,
    api_accepted: 0,
    api_rejected: 0,
    side_effects: 0,
  };
}
