/** Cases that are not played through `session.fetch`, each with the reason. */
export function leftOut(spec) {
  const sessions = [spec.session ?? {}, ...spec.operations.map((one) => one.with ?? {})];
  if (sessions.some((one) => one.store === "file")) return "the file store is not in this package";
  if (sessions.some((one) => one.client)) return "settings of the client, which session.fetch is not";
  if (spec.operations.some((one) => one.op === "graphql")) return "graphql() is the client's";
  if (spec.topic === "retry") return "retries are the client's";
  const ofTheClient = ["timeout_ms", "idempotency_key", "streamed"];
  if (spec.operations.some((one) => ofTheClient.some((name) => name in one))) return "a setting of the client's request";
  return undefined;
}
