import type { Driver } from "./driver.js";
import { misuse, place, RekindleError } from "./errors.js";
import { copyJudgement, judged, judgePassed } from "./request.js";

/**
 * The promise of a response. Awaiting it gives the `Response`, whatever its status. `json()`, `text()` and `bytes()` read the body, and
 * reject with the kind `HttpStatus` if the status is 400 or above.
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

  /** Returns the response; rejects with the kind `HttpStatus` if the status is 400 or above. */
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

/** The part of a body that is kept with an error, in characters. */
const KEPT = 8 * 1024 * 1024;
/** The part of a streamed body that is judged, in bytes. */
const WATCHED = 64 * 1024;

interface Limits {
  driver: Driver;
  number: number;
  maxBodyBytes: number;
  streamed: boolean;
  /** Ends the request: releases its deadline. */
  end: () => void;
  deadline: AbortSignal;
}

const READERS = ["arrayBuffer", "blob", "bytes", "formData", "json", "text"] as const;

/** Returns the same response; the methods that read its whole body keep to the deadline and the size limit. */
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
  // A clone keeps to them, too.
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
      // The SyntaxError's message quotes the body, which may hold a token.
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

/** Returns the response with a body whose beginning is judged while it is read. */
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
