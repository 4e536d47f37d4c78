export { BrowserStore } from "./browser-store.js";
export { type RefreshInput, NotSent, RefreshTokenDead, type Tokens } from "./effects.js";
export { type ErrorKind, type ErrorResponse, RekindleError } from "./errors.js";
export type { SessionEvent } from "./events.js";
export { type Judged, judged, type Verdict } from "./fetch.js";
export type { ClientCredentials, SessionOptions } from "./options.js";
export { Session, type Status } from "./session.js";
export { DamagedRecord, type Expected, type Store, StoreError, type Stored } from "./store.js";
export { Token } from "./token.js";
