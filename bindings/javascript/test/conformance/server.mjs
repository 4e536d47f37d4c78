/** `rekindle-test-server`, one a case. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export async function startServer(spec) {
  const auth = spec?.auth && { token_prefix: "SECRET-", ...spec.auth };
  const program = process.env.REKINDLE_TEST_SERVER;
  if (!program) throw new Error("REKINDLE_TEST_SERVER must name the program rekindle-test-server");
  const child = spawn(program, auth ? [JSON.stringify(auth)] : [], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = await Promise.race([
    new Promise((resolve) => createInterface(child.stdout).once("line", (text) => resolve([text]))),
    new Promise((_, reject) => child.once("error", reject)),
  ]);
  const { url } = JSON.parse(line);
  const control = async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const text = await response.text();
    if (!response.ok && response.status !== 409) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  };
  return { url, hasModel: auth !== undefined, control, close: () => child.stdin.end() };
}
