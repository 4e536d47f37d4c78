import { invalid, wrong } from "./errors.js";

/** An event of a session. Events come in order and contain no secrets. */
export interface SessionEvent {
  readonly name:
    | "SignedIn"
    | "RefreshStarted"
    | "RefreshSucceeded"
    | "RefreshFailed"
    | "Adopted"
    | "Renewed"
    | "ExtraChanged"
    | "Unpersisted"
    | "Persisted"
    | "Replayed"
    | "Retried"
    | "LoginRequired"
    | "RefreshLimited"
    | "SignedOut"
    | "Warned";
  /** The id of the sign-in. */
  readonly lineage: string;
  /** A counter that increases with each new access token of a sign-in. */
  readonly generation: number;
  readonly cause?: string;
  readonly kind?: string;
  readonly reason?: string;
  readonly warning?: string;
  /** `ExtraChanged`: the names of what changed. */
  readonly names?: readonly string[];
  readonly waiters?: number;
  readonly persisted?: boolean;
  readonly duration_ms?: number;
  readonly retry_after_ms?: number | null;
}

/** The event names that `session.on` accepts. */
export type EventName = Uncapitalize<SessionEvent["name"]>;

const NAMES: readonly SessionEvent["name"][] = [
  "SignedIn",
  "RefreshStarted",
  "RefreshSucceeded",
  "RefreshFailed",
  "Adopted",
  "Renewed",
  "ExtraChanged",
  "Unpersisted",
  "Persisted",
  "Replayed",
  "Retried",
  "LoginRequired",
  "RefreshLimited",
  "SignedOut",
  "Warned",
];

/** @internal Returns the event's name as the core spells it. */
export function eventName(name: EventName): SessionEvent["name"] {
  const found = NAMES.find((one) => one[0]?.toLowerCase() + one.slice(1) === name);
  if (!found) throw invalid(`there is no event ${String(name)}; known are ${NAMES.map((one) => one[0]?.toLowerCase() + one.slice(1)).join(", ")}`);
  return found;
}

/** @internal The listeners of a session's events. */
export class Listeners {
  readonly #all = new Set<(event: SessionEvent) => void>();
  /** Events that occur while a session is created are held back until its creator could subscribe. */
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
    // A new function, so that one listener can be added twice.
    const own = (event: SessionEvent) => listener(event);
    this.#all.add(own);
    return () => void this.#all.delete(own);
  }

  tell(event: SessionEvent): void {
    if (this.#held) return void this.#held.push(event);
    for (const listener of this.#all) {
      // A listener's error must affect neither other listeners nor the turn: it is reported as an uncaught error.
      try {
        listener(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Yields every event from now on, until `signal` or a `break`. Of the events not yet taken the newest 256 and each `LoginRequired` are kept. */
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

/** `LoginRequired` is never dropped. */
function dropOldest(kept: SessionEvent[]): void {
  const at = kept.findIndex((event) => event.name !== "LoginRequired");
  kept.splice(Math.max(at, 0), 1);
}
