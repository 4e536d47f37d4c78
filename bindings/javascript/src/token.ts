import { misuse } from "./errors.js";

/** @internal A token as the core tells it. */
export interface TokenData {
  token: string;
  authorization: string;
  header: string;
  generation: number;
  expires_at_ms: number | null;
  tag?: number;
}

/** An access token. Show `value` or `authorization` where they must go, and nowhere else. */
export class Token {
  readonly #data: TokenData;

  /** @internal */
  constructor(data: TokenData) {
    this.#data = data;
  }

  /** The access token itself. */
  get value(): string {
    return this.#data.token;
  }

  /** The value of the header that carries it. */
  get authorization(): string {
    return this.#data.authorization;
  }

  /** The header that carries it, `authorization` unless the dialect says otherwise. */
  get header(): string {
    return this.#data.header;
  }

  /** One higher with each new access token of a sign-in. */
  get generation(): number {
    return this.#data.generation;
  }

  /** When it ends; `undefined` = unknown. */
  get expiresAt(): Date | undefined {
    return this.#data.expires_at_ms === null ? undefined : new Date(this.#data.expires_at_ms);
  }

  /** Refused: a token that becomes text by accident lands in a log. */
  toString(): never {
    throw misuse("a token is no text: take token.value or token.authorization");
  }

  toJSON(): object {
    return { generation: this.generation, expiresAt: this.expiresAt };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `Token { generation: ${this.generation} }`;
  }
}
