import { spawn } from "node:child_process";
import { createServer, type Server, type Socket } from "node:net";

import { invalid, RekindleError } from "./errors.js";
import type { Judge, Receiver } from "./platform.js";

const LONGEST_HEAD = 32 * 1024;
/** A silent connection is closed after this time, in milliseconds. */
const SILENCE = 10_000;
/** The limit of open connections. */
const MOST_CONNECTIONS = 64;

/** Opens the loopback port that the browser is redirected to. */
export async function listen(host: string, port: number, path: string): Promise<Receiver> {
  // A browser may take either family of localhost; a port that is free in one may be taken in the other.
  for (let tries = port === 0 ? 8 : 1; ; tries--) {
    try {
      const servers = await listenOn(host === "localhost" ? ["127.0.0.1", "::1"] : [host.replace(/[[\]]/g, "")], port);
      const first = servers[0]?.address();
      const opened = typeof first === "object" && first ? first.port : port;
      return receiver(servers, `http://${host}:${opened}${path}`);
    } catch (error) {
      if (tries <= 1) throw taken(error, port);
    }
  }
}

async function listenOn(addresses: string[], port: number): Promise<Server[]> {
  const servers: Server[] = [];
  try {
    for (const host of addresses) {
      const server = createServer();
      server.maxConnections = MOST_CONNECTIONS;
      const opened = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
        server.once("error", resolve);
        server.listen({ host, port, exclusive: true, backlog: MOST_CONNECTIONS }, () => resolve(undefined));
      });
      // A machine may lack one address family. A port of another program is an error.
      const missing = opened?.code === "EADDRNOTAVAIL" || opened?.code === "EAFNOSUPPORT";
      if (opened && !(missing && servers.length > 0)) throw opened;
      if (opened) continue;
      servers.push(server);
      const address = server.address();
      if (typeof address === "object" && address) port = address.port;
    }
    return servers;
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
}

function receiver(servers: Server[], redirectUri: string): Receiver {
  const sockets = new Set<Socket>();
  let judge: Judge | undefined;
  let found: (callback: string) => void;
  const callback = new Promise<string>((resolve) => (found = resolve));
  const answer = (socket: Socket, head: string) => {
    const told = judge?.(head);
    if (!told) return socket.destroy();
    // `end` sends the whole page before the connection closes.
    socket.end(told.response, () => {
      if (told.callback !== null) found(told.callback);
    });
  };
  for (const server of servers) {
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      socket.on("error", () => socket.destroy());
      readHead(socket, (head) => answer(socket, head));
    });
  }
  return {
    redirectUri,
    receive(given) {
      judge = given;
      return callback;
    },
    close() {
      for (const server of servers) server.close();
      // Responses in progress are sent completely.
      for (const socket of sockets) socket.destroySoon();
    },
  };
}

/** Reads one request from a connection. */
function readHead(socket: Socket, then: (head: string) => void): void {
  let head = "";
  socket.setEncoding("latin1");
  socket.setTimeout(SILENCE, () => socket.destroy());
  socket.on("data", (piece) => {
    if (head.includes("\r\n\r\n")) return;
    head += String(piece);
    if (head.length > LONGEST_HEAD) return void socket.destroy();
    if (head.includes("\r\n\r\n")) then(head);
  });
}

function taken(error: unknown, port: number): RekindleError {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  if (code === "EADDRINUSE") return invalid(`redirectUri: port ${port} is another program's, which would get the code: end it, or take a port that is free`);
  return new RekindleError({ kind: "System", message: `no port could be opened on loopback (${code}): sign in with a device code instead` }, { cause: error });
}

/** Opens an address in the user's browser: the one that `$BROWSER` names, else the system's. */
export async function openBrowser(url: string): Promise<void> {
  const chosen = (process.env["BROWSER"] ?? "").split(":").filter((name) => name !== "");
  const system: Record<string, string[][]> = { darwin: [["open"]], win32: [["rundll32", "url.dll,FileProtocolHandler"]] };
  for (const [name, ...args] of [...chosen.map((name) => [name]), ...(system[process.platform] ?? [["xdg-open"], ["wslview"]])]) {
    if (await started(name as string, [...args, url])) return;
  }
  throw new RekindleError({ kind: "System", message: "no browser could be opened on this machine: give `open`, which shows the address to the user, or sign in with a device code" });
}

/** Starts the program without a shell, which would interpret the address. */
function started(name: string, args: string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(name, args, { stdio: "ignore", detached: true });
    child.once("error", () => resolve(false));
    child.once("spawn", () => (child.unref(), resolve(true)));
  });
}
