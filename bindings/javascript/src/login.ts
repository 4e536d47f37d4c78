import type { Served } from "./effects.js";
import { RekindleError } from "./errors.js";

/** @internal Signs the user in again; gives the core's answer, and never rejects. `keep`: numbers what was thrown. */
export async function signInAgain(served: Served, keep: (thrown: unknown) => number): Promise<object> {
  if (!served.login) return { error: "there is no login handler" };
  try {
    await served.login();
    return {};
  } catch (error) {
    if (error instanceof RekindleError) return { error: error.message, kind: error.kind, thrown: keep(error) };
    // Its name alone: its text may hold a token. It is the error's cause.
    const name = error instanceof Error ? error.name : typeof error;
    return { error: `the login handler threw ${name}: nobody is signed in`, thrown: keep(error) };
  }
}
