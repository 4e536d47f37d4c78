/**
 * Workers KV as a store, for the client credentials grant. KV cannot compare and save in one step, and its reads may be a minute old.
 * With a refresh token that would be wrong: two Workers would send the same one. Here a race costs one more token request.
 */
export function kvStore(namespace) {
  return {
    identity: "kv",
    async load(key) {
      return (await namespace.get(key, "json")) ?? undefined;
    },
    async save(key, record, expected) {
      const stored = await namespace.get(key, "json");
      const fits = expected.anything || (expected.absent ? !stored : stored?.version === expected.version);
      if (!fits) return undefined;
      const version = crypto.randomUUID();
      await namespace.put(key, JSON.stringify({ record, version }));
      return version;
    },
  };
}
