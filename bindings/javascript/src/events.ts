import { invalid, wrong } from "./errors.js";

/** What a session reports, in order and without secrets. */
export interface SessionEvent {
  readonly name:
    | "SignedIn"
    | "RefreshStarted"
    | "RefreshSucceeded"
    | "RefreshFailed"
    | "Adopted"
    | "Unpersisted"
    | "Persisted"
    | "Replayed"
    | "Retried"
    | "LoginRequired"
    | "RefreshLimited"
    | "SignedOut"
    | "Warned";
  /** Names the sign-in. */
  readonly lineage: string;
  /** One higher with each new access token of a sign-in. */
  readonly generation: number;
  readonly cause?: string;
  readonly kind?: string;
  readonly reason?: string;
  readonly warning?: string;
  readonly waiters?: number;
  readonly persisted?: boolean;
  readonly duration_ms?: number;
  readonly retry_after_ms?: number | null;
}

/** The names of events, as `session.on` takes them. */
export type EventName = Uncapitalize<SessionEvent["name"]>;

const NAMES: readonly SessionEvent["name"][] = [
  "SignedIn",
  "RefreshStarted",
  "RefreshSucceeded",
  "RefreshFailed",
  "Adopted",
  "Unpersisted",
  "Persisted",
  "Replayed",
  "Retried",
  "LoginRequired",
  "RefreshLimited",
  "SignedOut",
  "Warned",
];

/** @internal The event that `on` was asked for. */
export function eventName(name: EventName): SessionEvent["name"] {
  const found = NAMES.find((one) => one[0]?.toLowerCase() + one.slice(1) === name);
  if (!found) throw invalid(`there is no event ${String(name)}; known are ${NAMES.map((one) => one[0]?.toLowerCase() + one.slice(1)).join(", ")}`);
  return found;
}

/** @internal Who hears of a session's events. */
export class Listeners {
  readonly #all = new Set<(event: SessionEvent) => void>();
  /** What happens while a session is being made is told once its maker had time to listen. */
  #held: SessionEvent[] | undefined = [];

  constructor() {
    queueMicrotask(() => {
      const held = this.#held ?? [];
      this.#held = undefined;
      for (const event of held) this.tell(event);
    });
  }

  add(listener: (event: SessionEvent) => void): () => void {
    if (typeof listener !== "function") throw wrong("listener", " must be a function");
    // Its own, so that one function may listen twice.
    const own = (event: SessionEvent) => listener(event);
    this.#all.add(own);
    return () => void this.#all.delete(own);
  }

  tell(event: SessionEvent): void {
    if (this.#held) return void this.#held.push(event);
    for (const listener of this.#all) {
      // A listener that throws must not end the others' events, nor the turn: it is an uncaught error of its own.
      try {
        listener(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Every event from now on, until `signal` or a `break`. What nobody takes is kept, the newest 256 and each `LoginRequired`. */
  async *iterate(signal?: AbortSignal): AsyncGenerator<SessionEvent, void, void> {
    const kept: SessionEvent[] = [];
    let wake: (() => void) | undefined;
    const remove = this.add((event) => {
      kept.push(event);
      if (kept.length > MOST_KEPT) dropOldest(kept);
      wake?.();
    });
    const abort = () => wake?.();
    signal?.addEventListener("abort", abort, { once: true });
    try {
      while (!signal?.aborted) {
        const event = kept.shift();
        if (event) yield event;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      remove();
      signal?.removeEventListener("abort", abort);
    }
  }
}

const MOST_KEPT = 256;

/** That a sign-in is needed is never dropped. */
function dropOldest(kept: SessionEvent[]): void {
  const at = kept.findIndex((event) => event.name !== "LoginRequired");
  kept.splice(Math.max(at, 0), 1);
}
