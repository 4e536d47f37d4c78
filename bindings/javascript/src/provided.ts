let bytes: Uint8Array<ArrayBuffer> | undefined;

/** @internal The module's bytes, where they come with the script. */
export function provide(given: Uint8Array<ArrayBuffer>): void {
  bytes = given;
}

/** @internal */
export function provided(): Uint8Array<ArrayBuffer> | undefined {
  return bytes;
}
