import { RekindleError } from "./errors.js";
import type { BegunSignIn } from "./sign-in-options.js";

const PREFIX = "rekindle:sign-in:";
/** The parameters that authorization servers add to the callback URL. */
const ADDED = ["code", "state", "iss", "session_state", "scope", "authuser", "hd", "prompt", "error", "error_description", "error_uri"];

/** @internal Navigates this tab to the authorization server. */
export function leave({ url, state, pending }: BegunSignIn): void {
  // sessionStorage belongs to this tab and ends with it.
  kept((storage) => storage.setItem(PREFIX + state, pending));
  page().location.assign(url);
}

/** @internal Returns the callback URL and the pending sign-in of this tab; `undefined` if the address is no callback. */
export function comeBack(): { pending: string; callback: string } | undefined {
  const { history, location } = page();
  const url = new URL(location.href);
  const state = url.searchParams.get("state");
  if (state === null || !(url.searchParams.has("code") || url.searchParams.has("error"))) return undefined;
  const pending = kept((storage) => storage.getItem(PREFIX + state));
  if (pending === null) {
    const message = "this tab started no sign-in with that state: start the sign-in again (a page that was loaded twice comes here too)";
    throw new RekindleError({ kind: "InvalidResponse", message });
  }
  const callback = url.href;
  // Before anything is sent: a reloaded page must neither send the code again nor show it.
  kept((storage) => storage.removeItem(PREFIX + state));
  for (const name of ADDED) url.searchParams.delete(name);
  history.replaceState(history.state, "", url);
  return { pending, callback };
}

/** @internal The address of this page, without query and fragment. */
export function ownAddress(): string {
  const { origin, pathname } = page().location;
  return origin + pathname;
}

/** @internal Whether this code runs in a page. */
export function inPage(): boolean {
  return typeof document !== "undefined" && typeof location !== "undefined" && typeof history !== "undefined";
}

function kept<T>(work: (storage: Storage) => T): T {
  try {
    return work(page().sessionStorage);
  } catch (cause) {
    if (cause instanceof RekindleError) throw cause;
    const message = `sessionStorage: ${String(cause)}; a sign-in must be remembered until the browser comes back: allow storage here (blocked cookies, a sandboxed frame), or sign in on a server, with beginSignIn`;
    throw new RekindleError({ kind: "StoreUnavailable", message }, { cause });
  }
}

function page(): typeof globalThis {
  if (inPage()) return globalThis;
  throw new RekindleError({ kind: "Misuse", message: "there is no page here that could be led to the server: use signInWithBrowser, signInWithDevice, or beginSignIn" });
}
