/** The runtimes' own programs, inside the packages for this machine: `bun` and `deno` themselves would fetch them while installing. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

function program(scope, ...path) {
  const folder = fileURLToPath(new URL(`node_modules/${scope}`, import.meta.url));
  return join(folder, readdirSync(folder)[0], ...path);
}

/** Name, program, and what comes before a script's path. */
export const runtimes = [
  ["bun", program("@oven", "bin", "bun"), ["run"]],
  ["deno", program("@deno", "deno"), ["run", "--allow-all", "--no-lock"]],
];
