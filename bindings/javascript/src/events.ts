/** What a session reports, in order and without secrets. */
export interface SessionEvent {
  readonly name:
    | "SignedIn"
    | "RefreshStarted"
    | "RefreshSucceeded"
    | "RefreshFailed"
    | "Adopted"
    | "Unpersisted"
    | "Persisted"
    | "Replayed"
    | "Retried"
    | "LoginRequired"
    | "RefreshLimited"
    | "SignedOut"
    | "Warned";
  /** Names the sign-in. */
  readonly lineage: string;
  /** One higher with each new access token of a sign-in. */
  readonly generation: number;
  readonly cause?: string;
  readonly kind?: string;
  readonly reason?: string;
  readonly warning?: string;
  readonly waiters?: number;
  readonly persisted?: boolean;
  readonly duration_ms?: number;
  readonly retry_after_ms?: number | null;
}
