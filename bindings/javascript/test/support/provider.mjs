/** oidc-provider on loopback, as `tests/idp` starts it. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export async function startProvider(env = {}) {
  const program = fileURLToPath(new URL("../../../../tests/idp/node/oidc.mjs", import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...env } });
  const first = await new Promise((resolve, reject) => {
    createInterface(child.stdout).once("line", resolve);
    child.once("exit", () => reject(new Error("oidc-provider did not start: is it installed? cargo xtask test --install")));
  });
  const { url } = JSON.parse(first);
  return {
    url,
    stats: async () => (await fetch(`${url}/stats`)).json(),
    /** It ends with its input. */
    stop: () => child.stdin.end(),
  };
}
