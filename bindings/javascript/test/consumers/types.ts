/** Compiled against the package, never run: what must be a mistake is marked. */
import { BrowserStore, type ErrorKind, judged, RekindleError, Session, type Store, type Token, type Tokens } from "rekindle";

const store: Store = new BrowserStore("app");
const session = new Session({ tokenUrl: new URL("https://auth.example.com/token"), store, origins: ["https://api.example.com"] });

const asFetch: typeof fetch = session.fetch;
const token: Token | undefined = session.tokenIfValid();
const value: string = (await session.token({ minLife: 1000 })).value;
const ended: () => void = session.onEvent(({ name, generation }) => void [name satisfies string, generation satisfies number]);
const verdict: string | undefined = judged(await session.fetch("/users"))?.verdict?.name;
await using disposed = session;
void [asFetch, token, value, ended, verdict, disposed];

const made: Tokens = { accessToken: "at", expiresAt: new Date() };
new Session({ refresh: async ({ refreshToken }) => ({ ...made, ...(refreshToken === undefined ? {} : { refreshToken }) }) });

// @ts-expect-error: there is no such option
new Session({ tokenURL: "https://auth.example.com/token" });
// @ts-expect-error: a token is not text
const text: string = token;
void text;

/** A `switch` over the kinds is exhaustive. */
export function advice(error: unknown): string {
  if (!(error instanceof RekindleError)) return "not ours";
  const kind: ErrorKind = error.kind;
  return kind satisfies string;
}
