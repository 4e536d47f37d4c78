/** What each library does where it is hard: one script for all of them. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

import { clients } from "./clients.mjs";

const NAMES = ["rekindle session.fetch", "axios + axios-auth-refresh", "ky + afterResponse", "openid-client"];
const self = fileURLToPath(import.meta.url);

export async function correctness(url, control) {
  const rows = [];
  for (const [what, play] of Object.entries(scenes(url, control))) {
    const cells = [];
    for (const name of NAMES) {
      await control({ reset: true });
      cells.push(await Promise.race([play(clients[name](url), name), late(10_000)]).catch((error) => `fails: ${error.name}`));
    }
    rows.push(`| ${what} | ${cells.join(" | ")} |`);
  }
  console.log(`| | ${NAMES.join(" | ")} |\n|---|${NAMES.map(() => "---|").join("")}`);
  console.log(`${rows.join("\n")}\n`);
}

const late = (ms) => new Promise((resolve) => setTimeout(resolve, ms, "hangs").unref());

function scenes(url, control) {
  const told = async (statuses) => {
    const { refreshes, reused } = await control({});
    const wrong = statuses.filter((status) => status !== 200).length;
    return `${refreshes} refresh${refreshes === 1 ? "" : "es"}${reused ? `, ${reused} spent twice` : ""}${wrong ? `, ${wrong} of ${statuses.length} not answered` : ""}`;
  };
  const status = (one) => (one.status === "fulfilled" ? one.value : 0);
  const settle = async (all) => (await Promise.allSettled(all)).map(status);
  return {
    "100 requests with a dead token": async ({ get }) => {
      await control({ expire: true });
      return told(await settle(Array.from({ length: 100 }, () => get())));
    },
    "a late 401 of the old token": async ({ get }) => {
      await control({ expire: true, late: 150 });
      const slow = get();
      await late(20);
      await control({ late: 0 });
      return told([await get(), status((await Promise.allSettled([slow]))[0])]);
    },
    "the first caller is cancelled": async ({ get }) => {
      await control({ expire: true });
      const leader = new AbortController();
      const first = get(leader.signal).catch(() => 0);
      const others = Array.from({ length: 10 }, () => get());
      await late(15);
      leader.abort();
      await first;
      return told(await settle(others));
    },
    "the refresh's answer is lost": async ({ get }) => {
      await control({ expire: true, lose: 1 });
      return told([...(await settle([get()])), ...(await settle([get()]))]);
    },
    "sign-out during a refresh": async ({ get, signOut }) => {
      if (!signOut) return "no sign-out of its own";
      await control({ expire: true });
      const asked = settle([get()]);
      await late(15);
      await signOut();
      await asked;
      const after = await settle([get()]);
      return after[0] === 200 ? "signed in again by it" : "stays signed out";
    },
    "two processes": async (_, name) => {
      await control({ expire: true });
      const statuses = await Promise.all([1, 2].map(() => elsewhere(name, url)));
      const said = await told(statuses);
      return name.startsWith("rekindle") ? `${said} (in memory: no store is shared)` : said;
    },
  };
}

function elsewhere(name, url) {
  return new Promise((resolve) => {
    const child = fork(self, [name, url]);
    child.once("message", resolve);
    child.once("exit", () => resolve(0));
  });
}

if (process.argv[1] === self && process.send) {
  const [name, url] = process.argv.slice(2);
  const answer = await clients[name](url).get().catch(() => 0);
  process.send(answer, () => process.exit());
}
