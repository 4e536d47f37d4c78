/** What differs between the runtimes. `package.json` chooses the file that implements it. */
export interface Platform {
  /** A new instance of the module, or its promise where it can't be had at once. */
  load(): WebAssembly.Instance | Promise<WebAssembly.Instance>;
  /** Names the beginning of the monotonic clock, where other processes share that clock. */
  boot(): string;
  /** Whether `fetch` shows redirects with `redirect: "manual"`: browsers hide them. */
  readonly seesRedirects: boolean;
  /** What a token request says besides: it is neither cached nor sent with cookies. */
  readonly tokenRequest: RequestInit;
  /** Whether all sessions may use one core. */
  readonly shares: boolean;
  /** Runs a function of the user's, so that what it calls knows on whose behalf it runs. */
  inside<T>(owner: object, work: () => T): T;
  /** Opens a port of this machine, where the runtime can. */
  listen?(host: string, port: number, path: string): Promise<Receiver>;
  /** Shows an address to the user, where the runtime can. */
  openBrowser?(url: string): Promise<void>;
  /** On whose behalf this runs. */
  owner(): object | undefined;
}

/** What a browser is answered, and the callback that it brought, if it was one. */
export type Judge = (head: string) => { response: string; callback: string | null };

/** A port of this machine that a browser comes back to. */
export interface Receiver {
  readonly redirectUri: string;
  /** Answers whoever comes, until `judge` gives a callback. */
  receive(judge: Judge): Promise<string>;
  /** Closes the port. */
  close(): void;
}

/** Only a type: see `package.json`. */
export declare const platform: Platform;
