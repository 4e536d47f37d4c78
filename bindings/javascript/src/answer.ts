import type { Driver } from "./driver.js";
import { misuse, place, RekindleError } from "./errors.js";
import { copyJudgement, judged, judgePassed } from "./request.js";

/**
 * A response on its way. Awaited it is the `Response`, whatever its status; `json()`, `text()` and `bytes()` read it, and reject
 * with an error of the kind `HttpStatus` where its status is one of an error.
 */
export class Pending implements Promise<Response> {
  readonly #response: Promise<Response>;

  /** @internal */
  constructor(response: Promise<Response>) {
    this.#response = response;
  }

  readonly [Symbol.toStringTag] = "Pending";

  // biome-ignore lint: a promise has this method
  then<A = Response, B = never>(
    done?: ((response: Response) => A | PromiseLike<A>) | null,
    failed?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#response.then(done, failed);
  }

  catch<B = never>(failed?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<Response | B> {
    return this.#response.catch(failed);
  }

  finally(done?: (() => void) | null): Promise<Response> {
    return this.#response.finally(done);
  }

  /** The response, if its status is none of an error. */
  async ok(): Promise<Response> {
    return checked(await this.#response);
  }

  async json<T = any>(): Promise<T> {
    return (await this.ok()).json() as Promise<T>;
  }

  async text(): Promise<string> {
    return (await this.ok()).text();
  }

  async bytes(): Promise<Uint8Array> {
    return new Uint8Array(await (await this.ok()).arrayBuffer());
  }
}

async function checked(response: Response): Promise<Response> {
  if (response.status < 400) return response;
  const reason = response.statusText ? ` ${response.statusText}` : "";
  const message = `${response.status}${reason} from ${place(response.url)}; read its response for the reason`;
  const body = response.bodyUsed ? "" : await response.text().catch(() => "");
  throw failure("HttpStatus", message, response, body);
}

function failure(kind: "HttpStatus" | "InvalidResponse", message: string, response: Response, body: string, cause?: unknown): RekindleError {
  const { status, url, headers } = response;
  const { verdict, replayRefused: replay_refused } = judged(response) ?? {};
  const told = {
    kind,
    message,
    retry_after_ms: verdict?.retry_after_ms ?? null,
    response: { status, url, headers: headers.entries(), body: body.slice(0, KEPT), ...(verdict ? { verdict } : {}), ...(replay_refused ? { replay_refused } : {}) },
  };
  return new RekindleError(told, cause === undefined ? undefined : { cause });
}

/** As much of a body is kept with an error. */
const KEPT = 8 * 1024 * 1024;
/** What is handed out as it comes is looked at up to here. */
const WATCHED = 64 * 1024;

interface Limits {
  driver: Driver;
  number: number;
  maxBodyBytes: number;
  streamed: boolean;
  /** Nothing more belongs to the request. */
  end: () => void;
  deadline: AbortSignal;
}

const READERS = ["arrayBuffer", "blob", "bytes", "formData", "json", "text"] as const;

/** The same response; what reads it whole keeps to the deadline and the limit. */
export function whole(response: Response, limits: Limits): Response {
  if (limits.streamed) return watched(response, limits);
  if (!response.body) {
    limits.end();
    return response;
  }
  for (const name of READERS) {
    if (!(name in Response.prototype)) continue;
    const value = async () => {
      if (response.bodyUsed) throw misuse("this body was read already: keep what it gave");
      try {
        return await read(response, name, limits);
      } finally {
        limits.end();
      }
    };
    Object.defineProperty(response, name, { value, configurable: true });
  }
  // A copy keeps to them, too.
  const clone = () => {
    const copy = Response.prototype.clone.call(response);
    copyJudgement(response, copy);
    return whole(copy, limits);
  };
  Object.defineProperty(response, "clone", { value: clone, configurable: true });
  return response;
}

async function read(response: Response, name: (typeof READERS)[number], limits: Limits): Promise<unknown> {
  const bytes = await readWhole(response, limits);
  if (name === "text" || name === "json") {
    const text = new TextDecoder().decode(bytes);
    if (name === "text") return text;
    try {
      return JSON.parse(text);
    } catch (error) {
      const message = `the body is not JSON, in a ${response.status} from ${place(response.url)}; read the error's response to see it`;
      // Its message quotes the body.
      throw failure("InvalidResponse", message, response, text, error instanceof SyntaxError ? undefined : error);
    }
  }
  const copy = new Response(bytes as Uint8Array<ArrayBuffer>, { headers: response.headers });
  return (copy as unknown as Record<string, () => Promise<unknown>>)[name]?.();
}

async function readWhole(response: Response, { maxBodyBytes, deadline }: Limits): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  while (reader) {
    let step: ReadableStreamReadResult<Uint8Array>;
    try {
      step = await reader.read();
    } catch (error) {
      if (deadline.aborted) throw deadline.reason;
      const message = `the body from ${place(response.url)} broke off; check the network, then try again`;
      throw new RekindleError({ kind: "Connection", message, retryable: true }, { cause: error });
    }
    if (step.done) break;
    length += step.value.length;
    if (length > maxBodyBytes) {
      void reader.cancel().catch(() => undefined);
      const message = `the body from ${place(response.url)} is longer than ${maxBodyBytes} bytes; read it as a stream, or raise maxBodyBytes`;
      throw new RekindleError({ kind: "InvalidResponse", message });
    }
    chunks.push(step.value);
  }
  if (chunks.length === 1 && chunks[0]) return chunks[0];
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** The same response, whose beginning is judged as it passes. */
function watched(response: Response, { driver, number, end }: Limits): Response {
  if (!response.body) {
    end();
    return response;
  }
  let seen: Uint8Array | undefined = new Uint8Array();
  const look = async (last: boolean) => {
    if (!seen || (!last && seen.length < WATCHED)) return;
    const beginning = seen;
    seen = undefined;
    await judgePassed(driver, number, passing, beginning).finally(end);
  };
  const body = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      async transform(chunk, controller) {
        if (seen) {
          const more = new Uint8Array(Math.min(WATCHED, seen.length + chunk.length));
          more.set(seen);
          more.set(chunk.subarray(0, more.length - seen.length), seen.length);
          seen = more;
          await look(false);
        }
        controller.enqueue(chunk);
      },
      flush: () => look(true),
    }),
  );
  const { status, statusText, headers, url, redirected } = response;
  const passing = new Response(body, { status, statusText, headers });
  Object.defineProperties(passing, { url: { value: url }, redirected: { value: redirected } });
  copyJudgement(response, passing);
  return passing;
}
