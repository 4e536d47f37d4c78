/** What a console shows of it: own properties, as far as scripts see them. */
export function inspect(value) {
  const custom = Symbol.for("nodejs.util.inspect.custom");
  if (typeof value?.[custom] === "function") return value[custom]();
  return JSON.stringify(value) ?? String(value);
}
