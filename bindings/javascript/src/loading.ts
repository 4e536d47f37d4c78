import { RekindleError } from "./errors.js";

/** @internal Explains why the module could not be loaded, and what to do about it. */
export function explain(error: unknown): RekindleError {
  const { name, message } = (error ?? {}) as { name?: string; message?: string };
  const told = (kind: "InvalidConfig" | "Connection" | "System", text: string) => new RekindleError({ kind, message: text, retryable: kind === "Connection" }, { cause: error });
  if (name === "CompileError" && /content security policy|unsafe-eval|blocked by CSP/i.test(message ?? "")) {
    return told(
      "InvalidConfig",
      "the page's Content-Security-Policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src, " +
        "as in `Content-Security-Policy: script-src 'self' 'wasm-unsafe-eval'` (it allows no eval of scripts)",
    );
  }
  if (name === "RangeError") {
    // Chromium reserves 8 GiB of addresses for each memory, whatever its size: a process has room for some 124 of them.
    return told("System", `the page has no room for another WebAssembly memory (${message}): close what else runs WebAssembly in it; all sessions of a page share one`);
  }
  if (name === "CompileError" || name === "LinkError") {
    return told("InvalidConfig", `rekindle.wasm is not what it should be (${message}): serve the file of the package unchanged, beside the script`);
  }
  return told(
    "Connection",
    `rekindle.wasm could not be loaded (${message ?? String(error)}): serve it beside the script as the bundler put it there, allow it in connect-src, or import from "rekindle/inline"`,
  );
}
