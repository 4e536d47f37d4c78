/** What each library does in the hard cases: one script for all of them. */
import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { clients } from "./clients.mjs";

const NAMES = ["rekindle session.fetch", "axios + axios-auth-refresh", "ky + afterResponse", "openid-client", "supabase auth-js"];
const self = fileURLToPath(import.meta.url);

export async function correctness(url, control) {
  const rows = [];
  for (const [what, play] of Object.entries(scenes(url, control))) {
    const cells = [];
    for (const name of NAMES) {
      await control({ reset: true });
      cells.push(await Promise.race([play(clients[name](url), name), late(60_000)]).catch((error) => `fails: ${error.name}`));
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
      const folder = mkdtempSync(join(tmpdir(), "rekindle-bench-"));
      const children = [1, 2].map(() => fork(self, [name, url, folder]));
      const next = (child) => new Promise((resolve) => (child.once("message", resolve), child.once("exit", () => resolve(0))));
      try {
        await Promise.all(children.map(next));
        await control({ expire: true });
        const answers = children.map(next);
        for (const child of children) child.send("go");
        return await told(await Promise.all(answers));
      } finally {
        for (const child of children) child.kill();
        rmSync(folder, { recursive: true });
      }
    },
    "two tabs": async (_, name) => {
      const { launch } = await import("../test/browser/browser.mjs");
      const browser = await launch().catch(() => undefined);
      if (!browser) return "no Chromium";
      try {
        await control({ page: await (bundled ??= bundle()) });
        const context = await browser.newContext();
        const pages = [await context.newPage(), await context.newPage()];
        for (const page of pages) {
          await page.goto(`${url}/page`);
          await page.waitForFunction(() => "start" in globalThis);
          await page.evaluate(([name, url]) => globalThis.start(name, url), [name, url]);
        }
        await control({ expire: true });
        return await told(await Promise.all(pages.map((page) => page.evaluate(() => globalThis.ask()))));
      } finally {
        await browser.close();
      }
    },
  };
}

let bundled;

/** The libraries as a page has them. */
async function bundle() {
  const file = (path) => fileURLToPath(new URL(path, import.meta.url));
  const made = await build({ entryPoints: [file("tab.mjs")], bundle: true, format: "esm", write: false, conditions: ["browser"], alias: { rekindle: file("../dist/inline.js") }, logLevel: "error" });
  return made.outputFiles[0].text;
}

/** Like `localStorage`, in a file that processes share. */
function fileStorage(path) {
  const read = () => {
    try {
      return JSON.parse(readFileSync(path, "utf8"));
    } catch {
      return {};
    }
  };
  const write = (all) => writeFileSync(path, JSON.stringify(all));
  return {
    getItem: (name) => read()[name] ?? null,
    setItem: (name, value) => write({ ...read(), [name]: value }),
    removeItem: (name) => write({ ...read(), [name]: undefined }),
  };
}

if (process.argv[1] === self && process.send) {
  const [name, url, folder] = process.argv.slice(2);
  const shared = { storage: fileStorage(join(folder, "tokens.json")) };
  if (name.startsWith("rekindle")) {
    const { FileStore } = await import("rekindle/file-store");
    shared.store = new FileStore(join(folder, "session.json"));
  }
  const client = clients[name](url, shared);
  process.send("ready");
  process.once("message", async () => process.send(await client.get().catch(() => 0), () => process.exit()));
}
