/** Cases that are not played, each with the reason. `through`: what carries out requests. */
export function leftOut(spec, through) {
  const sessions = [spec.session ?? {}, ...spec.operations.map((one) => one.with ?? {})];
  if (sessions.some((one) => one.store === "file")) return "the file store is not in this package";
  if (through === "client") return undefined;
  if (sessions.some((one) => one.client)) return "settings of the client, which session.fetch is not";
  if (spec.operations.some((one) => one.op === "graphql")) return "graphql() is the client's";
  if (spec.topic === "retry") return "retries are the client's";
  const ofTheClient = ["timeout_ms", "idempotency_key", "streamed"];
  if (spec.operations.some((one) => ofTheClient.some((name) => name in one))) return "a setting of the client's request";
  return undefined;
}
