/** What differs between the runtimes. `package.json` chooses the file that implements it. */
export interface Platform {
  /** Returns a new instance of the module, or a promise of it. */
  load(): WebAssembly.Instance | Promise<WebAssembly.Instance>;
  /** Identifies the start of the monotonic clock, if other processes share that clock; else empty. */
  boot(): string;
  /** Whether `fetch` shows redirects with `redirect: "manual"`: browsers hide them. */
  readonly seesRedirects: boolean;
  /** Further options of token requests: neither cached nor sent with cookies. */
  readonly tokenRequest: RequestInit;
  /** Whether all sessions may use one core. */
  readonly shares: boolean;
  /** Runs a function of the user's on behalf of `owner`. */
  inside<T>(owner: object, work: () => T): T;
  /** Opens a loopback port, if the runtime can. */
  listen?(host: string, port: number, path: string): Promise<Receiver>;
  /** Opens a URL in the user's browser, if the runtime can. */
  openBrowser?(url: string): Promise<void>;
  /** The owner on whose behalf the current code runs. */
  owner(): object | undefined;
}

/** Returns the response for a browser's request, and the callback URL if the request was one. */
export type Judge = (head: string) => { response: string; callback: string | null };

/** A loopback port that the browser is redirected to. */
export interface Receiver {
  readonly redirectUri: string;
  /** Answers requests until `judge` returns a callback. */
  receive(judge: Judge): Promise<string>;
  /** Closes the port. */
  close(): void;
}

/** Only a type; `package.json` maps `#platform` to its implementation. */
export declare const platform: Platform;
