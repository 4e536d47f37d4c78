import type { Served } from "./effects.js";
import { RekindleError } from "./errors.js";

/** @internal Signs the user in again; returns the answer for the core and never rejects. `keep` assigns a number to what was thrown. */
export async function signInAgain(served: Served, keep: (thrown: unknown) => number): Promise<object> {
  if (!served.login) return { error: "there is no login handler" };
  try {
    await served.login();
    return {};
  } catch (error) {
    if (error instanceof RekindleError) return { error: error.message, kind: error.kind, thrown: keep(error) };
    // Only the error's name: its text may hold a token. The error itself becomes the cause.
    const name = error instanceof Error ? error.name : typeof error;
    return { error: `the login handler threw ${name}: nobody is signed in`, thrown: keep(error) };
  }
}
