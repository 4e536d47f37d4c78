/** What undici calls: the types of both of its ways. */

/** What undici (7 and later) calls with what comes. */
export interface Handler extends EarlyHandler {
  onRequestStart?(controller: unknown, context: unknown): void;
  onRequestUpgrade?(controller: unknown, status: number, headers: RawHeaders, socket: unknown): void;
  onResponseStart?(controller: unknown, status: number, headers: RawHeaders, message?: string): void;
  onResponseData?(controller: unknown, chunk: Uint8Array): void;
  onResponseEnd?(controller: unknown, trailers: RawHeaders): void;
  onResponseError?(controller: unknown, error: Error): void;
}

/** @internal */
export type RawHeaders = Record<string, string | string[] | undefined>;

/**
 * How undici 7 itself calls a handler: with headers as they came. A handler that is wrapped for interceptors understands it, too;
 * with it, an answer that goes through to the caller is not made into records and back.
 */
export interface EarlyHandler {
  onConnect?(abort: (reason?: unknown) => void, context: unknown): void;
  onResponseStarted?(): void;
  onUpgrade?(status: number, headers: Buffer[], socket: unknown): void;
  onHeaders?(status: number, headers: Buffer[], resume: () => void, message?: string): boolean | void;
  onData?(chunk: Buffer): boolean | void;
  onComplete?(trailers: Buffer[] | null): void;
  onError?(error: Error): void;
}
