/** A Durable Object that keeps one user's record: it answers one call after the other, so comparing and saving are one step. */
import { DurableObject } from "cloudflare:workers";

export class TokenRecord extends DurableObject {
  async load() {
    return this.ctx.storage.get("record");
  }

  async save(record, expected) {
    const stored = await this.ctx.storage.get("record");
    const fits = expected.anything || (expected.absent ? !stored : stored?.version === expected.version);
    if (!fits) return undefined;
    const version = crypto.randomUUID();
    await this.ctx.storage.put("record", { record, version });
    return version;
  }
}

/** As rekindle takes it. KV would not do: it has no compare-and-save, and two requests would spend one refresh token. */
export function durableStore(stub, name) {
  return {
    identity: `durable:${name}`,
    load: () => stub.load(),
    save: (_, record, expected) => stub.save(record, expected),
  };
}
