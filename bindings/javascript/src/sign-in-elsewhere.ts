import type { Driver } from "./driver.js";
import { misuse, RekindleError } from "./errors.js";
import { milliseconds } from "./options.js";
import type { Judge } from "./platform.js";
import { asked, type DeviceCode, type SignInOptions } from "./sign-in-options.js";
import { platform } from "#platform";

/** Options of a sign-in with a browser on this machine. */
export interface BrowserSignIn extends SignInOptions {
  /** Shows the URL to the user. Default: opens it in the system's browser. */
  open?: (url: string) => unknown;
  /** The maximum time for the sign-in, in milliseconds. Default: five minutes. */
  timeout?: number;
  signal?: AbortSignal;
}

/** @internal Signs in with a browser that is redirected to a loopback port. `finish` is the message that completes the sign-in. */
export async function withBrowser<T = unknown>(driver: Driver, session: number, options: BrowserSignIn, finish: object = { do: "finish_sign_in" }): Promise<T> {
  const { open = platform.openBrowser, timeout, signal, ...rest } = options;
  if (!platform.listen || !open) throw misuse("no port can be opened here: use signInWithRedirect, signInWithDevice, or beginSignIn");
  const place = await driver.call<Place>({ do: "loopback", session, asked: asked(rest) }, signal);
  const receiver = await platform.listen(place.host, place.port, place.path);
  const redirect_uri = receiver.redirectUri;
  const wait = waiting(milliseconds("timeout", timeout) ?? place.timeout_ms, signal);
  try {
    const { url, pending } = await driver.call<Begun>({ do: "begin_sign_in", session, asked: { ...asked(rest), redirect_uri } }, signal);
    const judge: Judge = (head) => driver.callNow({ do: "callback_received", pending, redirect_uri, head });
    const received = receiver.receive(judge);
    // An error in `open` ends the sign-in; the sign-in does not wait for `open` to finish.
    const shown = new Promise((resolve) => resolve(open(url))).then(() => received);
    const callback = await Promise.race([received, wait.over, shown]);
    return await driver.call<T>({ ...finish, session, pending, callback }, signal);
  } finally {
    wait.end();
    receiver.close();
  }
}

/** @internal Polls the server until the user has signed in on the other device. */
export async function withDevice(
  driver: Driver,
  session: number,
  show: (device: DeviceCode) => unknown,
  options: SignInOptions & { signal?: AbortSignal },
): Promise<void> {
  const { signal, ...rest } = options;
  if (typeof show !== "function") throw misuse("show must be a function, which tells the user where to go and what to enter");
  signal?.throwIfAborted();
  const stop = new AbortController();
  const abort = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    await driver.call({ do: "sign_in_with_device", session, asked: asked(rest) }, stop.signal, (told) => {
      const device = { userCode: told.user_code, verificationUri: told.verification_uri, verificationUriComplete: told.verification_uri_complete ?? undefined };
      // An error in `show` ends the sign-in.
      new Promise((resolve) => resolve(show(device))).catch((error: unknown) => stop.abort(error));
    });
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

interface Place {
  host: string;
  port: number;
  path: string;
  timeout_ms: number;
}

interface Begun {
  url: string;
  pending: string;
}

/** Returns a promise that rejects when the time is over or the signal aborts. */
function waiting(most: number, signal: AbortSignal | undefined): { over: Promise<never>; end: () => void } {
  let end = () => {};
  const over = new Promise<never>((_, reject) => {
    const message = `the browser did not return within ${Math.round(most / 1_000)} s: start the sign-in again`;
    const timer = setTimeout(() => reject(new RekindleError({ kind: "Timeout", message })), most);
    const abort = () => reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    end = () => (clearTimeout(timer), signal?.removeEventListener("abort", abort));
  });
  // It may reject before it is awaited.
  over.catch(() => undefined);
  return { over, end };
}
