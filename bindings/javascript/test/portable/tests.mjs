/** In place of `node:test`: collects the tests. */
export const tests = [];

export function test(name, options, work = options) {
  tests.push({ name, work });
}

/** The complaint; `undefined` if it passes. */
export async function complaint({ work }) {
  try {
    await work({ diagnostic() {}, after() {} });
    return undefined;
  } catch (error) {
    return error.stack ?? String(error);
  }
}

/** Runs all, so many at once, and tells each. */
export async function runAll(all, atOnce, tell) {
  const left = [...all];
  const lane = async () => {
    for (let one = left.shift(); one; one = left.shift()) tell(one.name, await complaint(one));
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}
