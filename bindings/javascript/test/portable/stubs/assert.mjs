function fail(message) {
  throw new Error(message);
}
export default {
  equal: (one, other) => one === other || fail(`${one} instead of ${other}`),
  notEqual: (one, other) => one !== other || fail(`${one}, which it must not be`),
};
