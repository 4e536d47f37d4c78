/** `cargo xtask bench javascript`: speed and correctness beside others, in one run, as Markdown. `--quick`: a third of the rounds; `--correctness`: that table alone. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

import { Session } from "rekindle";

import { clients } from "./clients.mjs";
import { correctness } from "./correctness.mjs";
import { undiciClients } from "./undici-clients.mjs";

const quick = process.argv.includes("--quick");
const rounds = quick ? 5 : 15;
const perRound = quick ? 1_000 : 3_000;
const AT_ONCE = 64;

const child = fork(fileURLToPath(new URL("server.mjs", import.meta.url)));
const { url } = await new Promise((resolve) => child.once("message", resolve));
export const control = async (asked) =>
  (await fetch(`${url}/control`, { method: "POST", body: JSON.stringify(asked) })).json();

if (process.argv.includes("--correctness")) {
  await correctness(url, control);
  child.disconnect();
  process.exit(0);
}
console.log(`# JavaScript, Node ${process.version}\n`);
await speed();
await tokens();
await waiters();
await correctness(url, control);
child.disconnect();
process.exit(0);

/** CPU of this process for a GET of 1 KB, 64 at once; round about, so that all see the same machine. */
async function speed() {
  await control({ reset: true });
  const all = Object.entries({ ...clients, ...undiciClients }).map(([name, make]) => ({ name, client: make(url), costs: [] }));
  const burst = async ({ client }, count) => {
    let left = count;
    const worker = async () => {
      while (left-- > 0) if ((await client.get()) !== 200) throw new Error("not 200");
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  };
  for (const one of all) await burst(one, 500);
  for (let round = 0; round < rounds; round++) {
    for (const one of all) {
      const before = process.cpuUsage();
      await burst(one, perRound);
      const { user, system } = process.cpuUsage(before);
      one.costs.push((user + system) / perRound);
    }
  }
  const median = (costs) => costs.toSorted((a, b) => a - b)[Math.floor(costs.length / 2)];
  const of = (name) => median(all.find((one) => one.name === name).costs);
  const ratio = (one, base) => median(one.costs.map((cost, at) => cost / base.costs[at]));
  console.log("| GET of 1 KB, 64 at once | CPU, us | against bare fetch | against bare undici |\n|---|---:|---:|---:|");
  const [bareFetch, bareUndici] = ["bare fetch", "bare undici"].map((name) => all.find((one) => one.name === name));
  for (const one of all) {
    console.log(`| ${one.name} | ${of(one.name).toFixed(1)} | ${ratio(one, bareFetch).toFixed(2)} | ${ratio(one, bareUndici).toFixed(2)} |`);
  }
  console.log();
}

async function tokens() {
  await control({ reset: true });
  const options = { tokenUrl: `${url}/token`, tokens: { accessToken: "AT-1", refreshToken: "RT-1" }, origins: [url] };
  const session = new Session(options);
  await session.token();
  const count = 1_000_000;
  const time = (work) => {
    for (let at = 0; at < 10_000; at++) work();
    const before = process.hrtime.bigint();
    for (let at = 0; at < count; at++) work();
    return Number(process.hrtime.bigint() - before) / count;
  };
  let kept;
  const token = time(() => (kept = session.tokenIfValid()));
  const clocks = time(() => (kept = performance.now() + Date.now()));
  globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed;
  for (let at = 0; at < count; at++) kept = session.tokenIfValid();
  globalThis.gc?.();
  const stays = globalThis.gc ? `${process.memoryUsage().heapUsed - heap} bytes` : "not measured";
  const started = process.hrtime.bigint();
  const first = new Session({ ...options, alone: true });
  await first.token();
  const ready = Number(process.hrtime.bigint() - started) / 1e6;
  console.log("| a valid token | |\n|---|---:|");
  console.log(`| \`tokenIfValid()\` | ${token.toFixed(0)} ns |\n| of it, reading two clocks | ${clocks.toFixed(0)} ns |`);
  console.log(`| heap that stays of ${count} calls | ${stays} |\n| another session, until its token | ${ready.toFixed(2)} ms |\n`);
  return kept;
}

async function waiters() {
  console.log("| waiters on one refresh | ms | us each | refreshes |\n|---:|---:|---:|---:|");
  for (const count of [1_000, 10_000, 100_000]) {
    await control({ reset: true });
    const session = new Session({ tokenUrl: `${url}/token`, tokens: { accessToken: "AT-1", refreshToken: "RT-1" }, origins: [url], waitTimeout: 600_000 });
    await session.token();
    session.invalidate();
    const before = process.hrtime.bigint();
    await Promise.all(Array.from({ length: count }, () => session.token()));
    const ms = Number(process.hrtime.bigint() - before) / 1e6;
    console.log(`| ${count} | ${ms.toFixed(0)} | ${((ms * 1_000) / count).toFixed(1)} | ${(await control({})).refreshes} |`);
  }
  console.log();
}
