/** A store for processes on several machines: comparing and saving is one script, which Redis runs as one step. */
const SAVE = `
local version = redis.call("HGET", KEYS[1], "version")
if ARGV[1] ~= "anything" and ARGV[1] ~= (version or "absent") then return false end
redis.call("HSET", KEYS[1], "record", ARGV[2], "version", ARGV[3])
return ARGV[3]`;

/** `client` is a connected client of the package redis. */
export function redisStore(client, prefix) {
  return {
    identity: `redis:${prefix}`,
    async load(key) {
      const { record, version } = await client.hGetAll(`${prefix}:${key}`);
      return version === undefined ? undefined : { record, version };
    },
    async save(key, record, expected) {
      const wanted = expected.anything ? "anything" : expected.absent ? "absent" : expected.version;
      const saved = await client.eval(SAVE, { keys: [`${prefix}:${key}`], arguments: [wanted, record, crypto.randomUUID()] });
      return saved ?? undefined;
    },
  };
}
