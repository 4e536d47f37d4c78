import type { EarlyHandler, Handler, RawHeaders } from "./undici-handler.js";

/** What stands behind it: it is told of all that does not go straight through. */
interface Behind extends Required<Omit<Handler, keyof EarlyHandler>> {
  refusal(context: unknown): Error | undefined;
  accepted(status: number): void;
}

/** A request that was sent without asking the core: what is accepted goes straight through to its caller. */
export class Early implements EarlyHandler {
  #through = false;
  readonly #controller = new Controller();

  constructor(
    readonly handler: Handler,
    readonly behind: Behind,
  ) {}

  onConnect(abort: (reason?: unknown) => void, context: unknown): void {
    const refusal = this.behind.refusal(context);
    if (refusal) return abort(refusal);
    this.#controller.end = abort;
    this.handler.onConnect?.(abort, context);
  }

  onResponseStarted(): void {
    this.handler.onResponseStarted?.();
  }

  onUpgrade(status: number, headers: Buffer[], socket: unknown): void {
    this.handler.onUpgrade?.(status, headers, socket);
  }

  onHeaders(status: number, headers: Buffer[], resume: () => void, message?: string): boolean | void {
    if (status >= 200 && status < 300) {
      this.#through = true;
      this.behind.accepted(status);
    }
    if (status < 300) return this.handler.onHeaders?.(status, headers, resume, message);
    this.#controller.next = resume;
    this.behind.onResponseStart(this.#controller, status, record(headers), message);
    return !this.#controller.paused;
  }

  onData(chunk: Buffer): boolean | void {
    if (this.#through) return this.handler.onData?.(chunk);
    this.behind.onResponseData(this.#controller, chunk);
    return !this.#controller.paused;
  }

  onComplete(trailers: Buffer[] | null): void {
    if (this.#through) return this.handler.onComplete?.(trailers);
    this.behind.onResponseEnd(this.#controller, record(trailers ?? []));
  }

  onError(error: Error): void {
    if (this.#through) return this.handler.onError?.(error);
    this.behind.onResponseError(this.#controller, error);
  }
}

/** As interceptors know it. */
class Controller {
  paused = false;
  aborted = false;
  reason: unknown = null;
  end: (reason?: unknown) => void = () => undefined;
  next: () => void = () => undefined;

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.next();
  }

  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.end(reason);
  }
}

/** Names and values in turn, as one record. */
function record(raw: Buffer[]): RawHeaders {
  const all: Record<string, string | string[]> = {};
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = String(raw[at]).toLowerCase();
    // As undici reads them.
    const value = [raw[at + 1] ?? ""].flat().map((one) => (typeof one === "string" ? one : one.toString("latin1")));
    const before = all[name];
    const values = before === undefined ? value : [before, ...value].flat();
    all[name] = values.length === 1 ? (values[0] as string) : values;
  }
  return all;
}
