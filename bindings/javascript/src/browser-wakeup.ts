type Listener = (key?: string) => void;

/** Tells the other tabs and workers that a record has changed: nothing but its key travels. */
export class Wakeup {
  readonly #name: string;
  readonly #listeners = new Set<Listener>();
  #channel: BroadcastChannel | undefined;
  #end: (() => void) | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  tell(key: string): void {
    // A page without listeners opens no channel for long.
    const channel = this.#channel ?? open(this.#name);
    channel?.postMessage(key);
    if (channel && channel !== this.#channel) channel.close();
  }

  watch(listener: Listener): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#begin();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#stop();
    };
  }

  #begin(): void {
    const tell = (key?: string) => this.#listeners.forEach((listener) => listener(key));
    this.#channel = open(this.#name);
    if (this.#channel) this.#channel.onmessage = ({ data }) => tell(typeof data === "string" ? data : undefined);
    // A page that was frozen, or comes out of the back-forward cache, has missed what was told.
    const again = (event: Event) => {
      if (event.type !== "visibilitychange" || document.visibilityState === "visible") tell();
    };
    const page = typeof document === "undefined" ? [] : [[document, "visibilitychange"], [document, "resume"], [window, "pageshow"]] as const;
    for (const [target, event] of page) target.addEventListener(event, again);
    this.#end = () => page.forEach(([target, event]) => target.removeEventListener(event, again));
  }

  #stop(): void {
    this.#end?.();
    this.#channel?.close();
    this.#channel = undefined;
  }
}

function open(name: string): BroadcastChannel | undefined {
  try {
    return typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel(name);
  } catch {
    // Documents without an origin have none.
    return undefined;
  }
}
