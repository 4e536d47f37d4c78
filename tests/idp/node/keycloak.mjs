// Keycloak, and in front of it a gate that counts: what came to the token endpoint and what became of it.
// Its folder is in IDP_KEYCLOAK, as `cargo xtask test --install` made it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { json, newStats, read, serve } from './serve.mjs';

const folder = process.env.IDP_KEYCLOAK;
const realm = '/realms/rekindle';
const token = `${realm}/protocol/openid-connect/token`;
const userinfo = `${realm}/protocol/openid-connect/userinfo`;
const patience = 280_000;

await serve(async () => {
  const port = await freePort();
  await start(port);
  const stats = newStats();
  return async (req, res) => {
    const { pathname } = new URL(req.url, 'http://gate');
    if (pathname === '/stats') return json(res, 200, stats);
    // The API is Keycloak's own resource, which looks at the token.
    const isApi = pathname === '/api/data';
    const body = await read(req);
    const answer = await pass(port, req, isApi ? userinfo : req.url, body);
    if (pathname === token) count(stats, body, answer);
    if (isApi) stats[answer.status === 200 ? 'api_accepted' : 'api_rejected'] += 1;
    res.writeHead(answer.status, answer.headers).end(answer.body);
  };
});

function count(stats, body, answer) {
  stats.token_requests += 1;
  if (new URLSearchParams(body).get('grant_type') !== 'refresh_token') return;
  if (answer.status === 200) stats.refreshes += 1;
  if (/reuse exceeded/.test(answer.body)) stats.reuse_detected += 1;
}

// The host stays as it is: Keycloak names itself by it.
function pass(port, req, path, body) {
  return new Promise((resolve, reject) => {
    const onward = request({ host: '127.0.0.1', port, path, method: req.method, headers: req.headers }, async (answer) => {
      const chunks = [];
      for await (const chunk of answer) chunks.push(chunk);
      const { 'transfer-encoding': _, ...headers } = answer.headers;
      resolve({ status: answer.statusCode, headers, body: Buffer.concat(chunks) });
    });
    onward.on('error', reject).end(body);
  });
}

async function start(port) {
  const args = ['start', '--optimized', '--import-realm', '--http-enabled=true', '--hostname-strict=false'];
  const child = spawn(join(folder, 'bin/kc.sh'), [...args, '--http-host=127.0.0.1', `--http-port=${port}`], {
    env: { ...process.env, JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1', JAVA_OPTS_KC_HEAP: '-Xms64m -Xmx512m' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // kc.sh becomes the JVM by exec, so the process is the server itself.
  process.on('exit', () => child.kill());
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  child.on('exit', () => {
    process.stderr.write(said);
    process.exit(1);
  });
  const end = Date.now() + patience;
  while (!(await answers(port))) {
    if (Date.now() > end) throw new Error(`Keycloak is not ready after ${patience} ms:\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function answers(port) {
  const url = `http://127.0.0.1:${port}${realm}/.well-known/openid-configuration`;
  return fetch(url).then((answer) => answer.ok, () => false);
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
