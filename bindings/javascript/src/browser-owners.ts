/** A browser store that uses Web Locks to tell whether the owner of a refresh is still alive. */
export abstract class BrowserOwners {
  /** @internal */
  protected readonly locks: OwnerLocks;

  protected constructor(prefix: string) {
    this.locks = new OwnerLocks(prefix);
  }

  announce(key: string, owner: string): Promise<void> {
    return this.locks.announce(`${key}:${owner}`);
  }

  async retire(key: string, owner: string): Promise<void> {
    this.locks.retire(`${key}:${owner}`);
  }

  owner(key: string, owner: string): Promise<"alive" | "dead" | "unknown"> {
    return this.locks.of(`${key}:${owner}`);
  }
}

/**
 * Liveness by Web Locks: the browser releases a lock when its page or worker ends, for whatever reason. No code waits for such a lock,
 * so it cannot block. Without Web Locks liveness is unknown, and leases end by the clock.
 */
class OwnerLocks {
  readonly #prefix: string;
  readonly #ends = new Map<string, () => void>();
  readonly #asked = new Set<Promise<void>>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  announce(owner: string): Promise<void> {
    const locks = manager();
    if (!locks) return Promise.resolve();
    const held = new Promise<void>((resolve) => {
      const hold = () => {
        resolve();
        return new Promise<void>((end) => this.#ends.set(owner, end));
      };
      // The request is rejected in documents without an origin, which share nothing.
      locks.request(this.#name(owner), hold).catch(() => resolve());
    });
    this.#asked.add(held);
    void held.then(() => this.#asked.delete(held));
    return held;
  }

  /** Resolves once all announced owners are visible to others. */
  async announced(): Promise<void> {
    await Promise.all(this.#asked);
  }

  retire(owner: string): void {
    this.#ends.get(owner)?.();
    this.#ends.delete(owner);
  }

  async of(owner: string): Promise<"alive" | "dead" | "unknown"> {
    try {
      const all = await manager()?.query();
      if (!all) return "unknown";
      const name = this.#name(owner);
      return [...(all.held ?? []), ...(all.pending ?? [])].some((lock) => lock.name === name) ? "alive" : "dead";
    } catch {
      return "unknown";
    }
  }

  #name(owner: string): string {
    return `${this.#prefix}:${owner}`;
  }
}

function manager(): LockManager | undefined {
  // Only secure contexts have it.
  return globalThis.navigator?.locks as LockManager | undefined;
}
