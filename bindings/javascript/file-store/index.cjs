"use strict";

const { platform, arch } = process;
const here = `./rekindle-${platform}-${arch}`;

module.exports = platform === "linux" ? ofEither() : require(`${here}.node`);

/** C libraries differ on Linux, and not every runtime says which one it stands on: an addon for the other does not load. */
function ofEither() {
  try {
    return require(`${here}-gnu.node`);
  } catch (error) {
    try {
      return require(`${here}-musl.node`);
    } catch {
      throw error;
    }
  }
}
