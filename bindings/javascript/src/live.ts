import { RekindleError } from "./errors.js";
import type { Session } from "./session.js";
import type { Token } from "./token.js";

/** A server-sent event. */
export interface ServerSentEvent {
  /** The event's type; `message` if it has none. */
  readonly event: string;
  readonly data: string;
  readonly id: string;
}

export interface EventStreamOptions {
  signal?: AbortSignal;
  headers?: HeadersInit;
  lastEventId?: string;
  /** The first pause before a reconnection, in milliseconds, unless the server sends one; it doubles up to 30 s. Default: 1,000. */
  retry?: number;
}

const LONGEST_PAUSE = 30_000;

/**
 * Yields server-sent events: `for await (const { data } of eventStream(session, url))`. Reconnects when the connection ends, with a valid
 * token and the last event's id. Ends after a response with status 204, with `signal`, or with a `break`.
 */
export async function* eventStream(session: Session, url: string | URL, options: EventStreamOptions = {}): AsyncGenerator<ServerSentEvent, void, void> {
  const { signal, lastEventId = "" } = options;
  const state = { id: lastEventId, retry: options.retry ?? 1_000 };
  for (let failures = 0; !signal?.aborted; ) {
    const headers = new Headers(options.headers);
    headers.set("accept", "text/event-stream");
    if (state.id) headers.set("last-event-id", state.id);
    try {
      const response = await session.fetch(url, { headers, cache: "no-store", ...(signal ? { signal } : {}) });
      if (response.status === 204) return;
      if (response.ok) {
        for await (const event of parse(response, state)) {
          failures = 0;
          yield event;
        }
      } else if (response.status < 500 && response.status !== 429) {
        const message = `${response.status} from the event stream; read its response for the reason`;
        throw new RekindleError({ kind: "HttpStatus", message, status: response.status });
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof RekindleError && !error.retryable) throw error;
    }
    await pause(Math.min(LONGEST_PAUSE, state.retry * 2 ** failures), signal);
    failures += 1;
  }
}

async function* parse(response: Response, state: { id: string; retry: number }): AsyncGenerator<ServerSentEvent, void, void> {
  const reader = response.body?.getReader();
  if (!reader) return;
  const decoder = new TextDecoder();
  let [rest, event, data, id] = ["", "", [] as string[], state.id];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "") {
          state.id = id;
          if (data.length > 0) yield { event: event || "message", data: data.join("\n"), id };
          [event, data] = ["", []];
          continue;
        }
        const [name = "", text = ""] = splitField(line);
        if (name === "event") event = text;
        else if (name === "data") data.push(text);
        else if (name === "id" && !text.includes("\0")) id = text;
        else if (name === "retry" && /^\d+$/.test(text)) state.retry = Number(text);
      }
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

function splitField(line: string): [string, string] {
  const at = line.indexOf(":");
  if (at < 0) return [line, ""];
  return [line.slice(0, at), line.slice(line[at + 1] === " " ? at + 2 : at + 1)];
}

/** The common interface of the global `WebSocket` and that of the package ws. */
export interface SocketLike {
  readonly readyState: number;
  addEventListener(type: "open" | "close" | "error", listener: (event: { code?: number }) => void): void;
  close(): void;
}

/** Close codes that mean unauthorized. */
const UNAUTHORIZED = new Set([1008, 3000, 4001, 4401]);

/**
 * Yields WebSocket connections, one after another: `for await (const socket of sockets(session, (token) => new WebSocket(url, ["bearer", token.value])))`.
 * Each is opened with a valid token and yielded once it is open; when it closes, the next one is opened. If the server closed it as
 * unauthorized (1008, 3000, 4001, 4401), the token is refreshed first.
 * Add message listeners in `open`: the first messages may arrive before the socket is yielded.
 */
export async function* sockets<S extends SocketLike>(
  session: Session,
  open: (token: Token) => S,
  options: { signal?: AbortSignal; retry?: number } = {},
): AsyncGenerator<S, void, void> {
  const { signal, retry = 1_000 } = options;
  let last: S | undefined;
  const stop = () => last?.close();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    for (let failures = 0; !signal?.aborted; ) {
      const token = await session.token(signal ? { signal } : {});
      const socket = open(token);
      last = socket;
      const closed = new Promise<number>((resolve) => {
        socket.addEventListener("close", (event) => resolve(event.code ?? 1006));
        // The close event follows.
        socket.addEventListener("error", () => undefined);
      });
      const opened = new Promise<"open">((resolve) => socket.addEventListener("open", () => resolve("open")));
      const first = await Promise.race([opened, closed]);
      if (first === "open") {
        failures = 0;
        yield socket;
      }
      const code = await closed;
      // The next token() refreshes, unless another caller already has.
      if (UNAUTHORIZED.has(code) && session.tokenIfValid()?.generation === token.generation) session.invalidate();
      await pause(Math.min(LONGEST_PAUSE, retry * 2 ** failures), signal);
      failures += 1;
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    last?.close();
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
    if (signal?.aborted) done();
  });
}
