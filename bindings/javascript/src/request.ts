import type { Driver } from "./driver.js";
import { asText, describe, readUpTo, wasNotSent } from "./effects.js";
import { invalid, misuse, RekindleError, type Verdict } from "./errors.js";
import type { Body } from "./body.js";
import { originOf, type Quick } from "./quick.js";

/** The judgement of a response. */
export interface Judged {
  /** What the response says about the token; `undefined` if the request carried no token of the session. */
  readonly verdict: Verdict | undefined;
  /** Why the request was not sent again although its token was rejected. */
  readonly replayRefused: string | undefined;
  /** The number of redirects that were followed. */
  readonly redirects: number;
}

const judgements = new WeakMap<object, Judged>();

/** Returns what a response of `session.fetch`, a client or axios says about the token that was sent. */
export function judged(response: object): Judged | undefined {
  return judgements.get(response);
}

/** @internal */
export function judgedAs(response: object, judged: Judged): void {
  judgements.set(response, judged);
}

const ACCEPTED: Judged = Object.freeze({ verdict: Object.freeze({ name: "accepted" }), replayRefused: undefined, redirects: 0 });

/** Marks a response as accepted. */
export function accepted(response: Response): Response {
  judgements.set(response, ACCEPTED);
  return response;
}

/** Copies the judgement to a response that replaces another. */
export function copyJudgement(from: Response, to: Response): void {
  const known = judgements.get(from);
  if (known) judgements.set(to, known);
}

/** A request, over all its sends and redirects. */
export interface Plan {
  /** The session or client that it belongs to. */
  owner: { session: number } | { client: number };
  number: number;
  method: string;
  /** A client's may be a path, or `undefined` for GraphQL. */
  url: string | undefined;
  own: [string, string][];
  body: Body;
  /** The other options for fetch. */
  init: RequestInit;
  redirect: RequestRedirect;
  /** The limit for `session.fetch`; the core keeps a client's limit. */
  mostRedirects: number;
  signal: AbortSignal | null | undefined;
  /** The response, if the request was already sent with the token of this tag. */
  sent?: { tag: number; response: Response } | undefined;
  timeout?: number | undefined;
  reading?: "any" | "graphql" | "streamed";
}

interface Signed {
  headers: [string, string][];
  stay_at_redirects: boolean;
  reads_success: boolean;
  quick: boolean;
  own?: [string, string][];
  url?: string;
}

interface Hop extends Signed {
  own: [string, string][];
  url: string;
  method: string;
  keeps_body: boolean;
}

type Next =
  | { next: "send_again"; headers: [string, string][]; stay_at_redirects: boolean }
  | { next: "keep"; verdict: Verdict | null; replay_refused: string | null };

/** The part of a body that the core judges, in bytes. */
const JUDGED = 8 * 1024 * 1024;

/** Adds the token, sends, judges, and sends again or follows redirects as the core decides. The caller sends `end` to the core afterwards. */
export async function exchange(driver: Driver, send: typeof fetch, plan: Plan, quick?: Quick): Promise<Response> {
  const { number, signal, body } = plan;
  const { owner, method, url, own: headers, timeout: timeout_ms, reading } = plan;
  let signed = await driver.call<Signed>(
    { do: "begin", ...owner, request: number, method, url, headers, body: await body.known(method), timeout_ms, reading, sent_with: plan.sent && plan.sent.tag % 2 ** 31 },
    signal,
  );
  let sent = plan.sent?.response;
  if (quick) quick.forget(originOf(url ?? "") ?? "");
  let state = { url: signed.url ?? url ?? "", method, own: signed.own ?? headers };
  for (let redirects = 0; ; ) {
    if (!driver.seesRedirects && plan.redirect === "follow" && !signed.stay_at_redirects) {
      throw invalid(
        "here fetch follows redirects unseen, and would take the token's header along to other origins: set redirect to \"error\" or \"manual\"",
      );
    }
    let response: Response;
    try {
      const sending = sent ? Promise.resolve(sent) : send(state.url, {
        ...plan.init,
        ...body.next(),
        method: state.method,
        headers: merge(state.own, signed.headers),
        redirect: driver.seesRedirects ? "manual" : plan.redirect,
        ...(signal ? { signal } : {}),
      });
      // A custom fetch may ignore the signal.
      response = await (signal ? unlessAborted(sending, signal) : sending);
    } catch (error) {
      if (signal?.aborted || "session" in owner) throw error;
      signed = { ...signed, ...(await again(driver, number, error, signal)) };
      continue;
    }
    sent = undefined;
    if (!(response?.headers instanceof Object)) throw misuse("the option fetch gave no Response: return what fetch returns");
    if (response.redirected) driver.send({ do: "followed", request: number, url: response.url });
    const next = await judge(driver, plan, response, signed.reads_success);
    if (next.next === "send_again") {
      await response.body?.cancel();
      signed = { ...signed, ...next };
      continue;
    }
    if (plan.redirect !== "manual" && isRedirect(response.status)) {
      const hop = await driver.call<Hop | null>(
        { do: "redirected", request: number, status: response.status, headers: [...response.headers] },
        signal,
      );
      if (hop && plan.redirect === "error") throw new TypeError("fetch failed: a redirect, and redirect is \"error\"");
      if (hop && ++redirects > plan.mostRedirects) throw new TypeError("fetch failed: more than 20 redirects");
      if (hop && !(hop.keeps_body && body.isGone)) {
        await response.body?.cancel();
        if (!hop.keeps_body) body.drop();
        state = hop;
        signed = hop;
        continue;
      }
    }
    if (redirects > 0) Object.defineProperty(response, "redirected", { value: true });
    const { verdict, replay_refused } = next;
    if (quick && redirects === 0 && signed.quick && verdict?.name === "accepted" && response.ok) {
      quick.learn(originOf(state.url) ?? "", signed.headers);
    }
    judgements.set(response, { verdict: verdict ?? undefined, replayRefused: replay_refused ?? undefined, redirects });
    return response;
  }
}

/** Judges the beginning of a streamed body. */
export async function judgePassed(driver: Driver, request: number, response: Response, beginning: Uint8Array): Promise<void> {
  const said = await driver.call<{ verdict: Verdict; replay_refused: string | null } | null>({
    do: "passed",
    request,
    status: response.status,
    headers: [...response.headers],
    ...asText(beginning),
  });
  if (!said) return;
  const redirects = judgements.get(response)?.redirects ?? 0;
  judgements.set(response, { verdict: said.verdict, replayRefused: said.replay_refused ?? undefined, redirects });
}

async function again(driver: Driver, request: number, cause: unknown, signal: Plan["signal"]): Promise<Partial<Signed>> {
  try {
    return await driver.call<Signed>({ do: "failed", request, error: describe(cause), sent: !wasNotSent(cause) }, signal);
  } catch (error) {
    if (error instanceof RekindleError) error.cause = cause;
    throw error;
  }
}

async function judge(driver: Driver, plan: Plan, response: Response, readsSuccess: boolean): Promise<Next> {
  const whole = plan.reading === "graphql";
  const reads = whole || response.status >= 400 || (readsSuccess && mayBeJson(response));
  // A clone, so that the caller can read the body too. If the body breaks off, the part that arrived is judged, and the caller's copy
  // breaks off at the same place.
  const bytes = reads && response.body ? await readUpTo(Response.prototype.clone.call(response), JUDGED, whole ? "whole" : "what comes") : new Uint8Array();
  // The browser hides a redirect that is not followed.
  if (response.type === "opaqueredirect") return { next: "keep", verdict: null, replay_refused: null };
  return driver.call<Next>(
    { do: "answered", request: plan.number, status: response.status, headers: [...response.headers], ...asText(bytes) },
    plan.signal,
  );
}

/** Rejects when the signal aborts, for work that may ignore it. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    const free = () => signal.removeEventListener("abort", abort);
    work.then(
      (value) => (free(), resolve(value)),
      (error) => (free(), reject(error)),
    );
  });
}

/** Whether the body may be JSON, including types under which servers mislabel it. */
function mayBeJson(response: Response): boolean {
  const type = (response.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  return /^(application\/json|text\/json|.+\+json)$/.test(type) || ["", "text/plain", "text/html", "application/octet-stream"].includes(type);
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/** Added headers replace the request's own of the same name. */
function merge(own: [string, string][], added: [string, string][]): Headers {
  const headers = new Headers(own);
  for (const [name, value] of added) headers.set(name, value);
  return headers;
}
