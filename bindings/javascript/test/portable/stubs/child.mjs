/** Servers run outside of the page, which asks for them. */
export function spawn(_, args) {
  const started = globalThis.startServer(args[0] ?? null);
  return {
    stdin: { end: () => void started.then(({ id }) => globalThis.stopServer(id)) },
    stdout: started,
    once() {},
    on() {},
  };
}

export function createInterface(from) {
  const started = from.input ?? from;
  return { once: (_, hear) => void started.then(({ line }) => hear(line)) };
}
