import type { Platform } from "./platform.js";

let inner: object | undefined;

/** Where no context follows promises: what a function calls before its first `await` is known. */
export const synchronousOwner: Pick<Platform, "inside" | "owner"> = {
  inside(owner, work) {
    const outer = inner;
    inner = owner;
    try {
      return work();
    } finally {
      inner = outer;
    }
  },
  owner: () => inner,
};
