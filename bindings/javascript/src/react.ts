import { createContext, createElement, type ReactElement, type ReactNode, useContext, useSyncExternalStore } from "react";

import { misuse } from "./errors.js";
import type { Session, Status } from "./session.js";

/** The state of a session, for a component. */
export interface SessionState {
  readonly session: Session;
  /** `unread` until the store has been read. */
  readonly standing: Status["standing"];
  readonly signedIn: boolean;
  /** Why the store could not be read. */
  readonly error: unknown;
}

const Sessions = createContext<Session | undefined>(undefined);

/** Provides a session to all components below. Create the session once, outside of components. */
export function SessionProvider({ session, children }: { session: Session; children?: ReactNode }): ReactElement {
  return createElement(Sessions.Provider, { value: session }, children);
}

/**
 * Returns the session of the nearest `SessionProvider` and its state; the component is rendered again when that changes, here or in
 * another tab.
 *
 * ```jsx
 * const { session, signedIn } = useSession();
 * return signedIn ? <button onClick={() => session.signOut()}>Sign out</button> : <SignIn />;
 * ```
 *
 * `suspend`: the nearest `Suspense` shows its fallback until the store has been read.
 */
export function useSession(options: { suspend?: boolean } = {}): SessionState {
  const session = useContext(Sessions);
  if (!session) throw misuse("useSession needs a SessionProvider above it");
  const watched = watch(session);
  const state = useSyncExternalStore(watched.subscribe, watched.read, () => watched.first);
  if (options.suspend && state.standing === "unread" && state.error === undefined) throw watched.begin();
  return state;
}

const all = new WeakMap<Session, Watched>();

function watch(session: Session): Watched {
  const known = all.get(session);
  if (known) return known;
  const made = new Watched(session);
  all.set(session, made);
  return made;
}

/** The state of one session, shared by all its components. */
class Watched {
  /** The state for rendering on a server, which has no browser store. */
  readonly first: SessionState;
  #state: SessionState;
  #asked: Promise<void> | undefined;
  readonly #listeners = new Set<() => void>();
  #end: (() => void) | undefined;

  constructor(session: Session) {
    this.first = this.#state = { session, standing: "unread", signedIn: false, error: undefined };
  }

  readonly read = (): SessionState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) {
      this.#end = this.first.session.onEvent(() => void this.#ask());
      void this.begin();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#end?.();
      // Without listeners events are missed: the next subscriber reads the state again.
      this.#asked = undefined;
    };
  };

  /** Reads the store once. Never rejects. */
  begin(): Promise<void> {
    return (this.#asked ??= this.#ask());
  }

  async #ask(): Promise<void> {
    const { session } = this.first;
    try {
      const { standing } = await session.status({ fresh: true });
      this.#set({ session, standing, signedIn: standing === "active", error: undefined });
    } catch (error) {
      this.#set({ ...this.#state, error });
    }
  }

  #set(state: SessionState): void {
    const { standing, error } = this.#state;
    if (standing === state.standing && error === state.error) return;
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}
