import { invalid, RekindleError } from "./errors.js";

/** The public half of a key, as a JSON Web Key. */
export type PublicJwk = Readonly<Record<string, string>>;

interface Kind {
  name: "ES256" | "EdDSA" | "RS256";
  /** How a key of this kind is read. */
  read: EcKeyImportParams | RsaHashedImportParams | Algorithm;
  sign: EcdsaParams | Algorithm;
  /** The members that name it (RFC 7638). */
  members: string[];
}

const KINDS: Kind[] = [
  { name: "ES256", read: { name: "ECDSA", namedCurve: "P-256" }, sign: { name: "ECDSA", hash: "SHA-256" }, members: ["crv", "kty", "x", "y"] },
  { name: "EdDSA", read: { name: "Ed25519" }, sign: { name: "Ed25519" }, members: ["crv", "kty", "x"] },
  { name: "RS256", read: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, sign: { name: "RSASSA-PKCS1-v1_5" }, members: ["e", "kty", "n"] },
];

/**
 * A private key that signs for the client: as `clientKey` it says who the client is (`private_key_jwt`), as `dpopKey` tokens are bound
 * to it, so that a stolen token is of no use elsewhere (DPoP, RFC 9449).
 *
 * ```js
 * const session = new Session({ dpopKey: await SigningKey.stored("my-app"), store: new BrowserStore("my-app"), tokenUrl, clientId, origins });
 * ```
 */
export class SigningKey {
  /** The public half, for the client's registration. Nothing in it is secret. */
  readonly jwk: PublicJwk;
  readonly #sign: (message: Uint8Array<ArrayBuffer>) => Promise<ArrayBuffer | Uint8Array>;
  /** What stands in a signature's place until it is made. Nobody else can guess it, so nobody else can have anything signed. */
  readonly #standIn = base64url(crypto.getRandomValues(new Uint8Array(24)));

  private constructor(jwk: PublicJwk, sign: (message: Uint8Array<ArrayBuffer>) => Promise<ArrayBuffer | Uint8Array>) {
    this.jwk = jwk;
    this.#sign = sign;
  }

  /** A new P-256 key that can't be read, only signed with, and goes with this process or page. */
  static async generate(): Promise<SigningKey> {
    return SigningKey.of(await newPair());
  }

  /** In browsers: the key of this name, which can't be read, only signed with. It is made when it is first asked for, and kept in IndexedDB. */
  static async stored(name = "rekindle"): Promise<SigningKey> {
    return SigningKey.of(await keptPair(name));
  }

  /** A private key in PEM (`BEGIN PRIVATE KEY`): P-256, Ed25519 or RSA. `keyId`: the server's name for it. */
  static async fromPem(pem: string, options: { keyId?: string } = {}): Promise<SigningKey> {
    const text = /-----BEGIN PRIVATE KEY-----([\s\S]*?)-----END PRIVATE KEY-----/.exec(String(pem))?.[1];
    const der = text && bytesOf(text.replace(/\s/g, ""));
    for (const kind of der ? KINDS : []) {
      const key = await crypto.subtle.importKey("pkcs8", der as Uint8Array<ArrayBuffer>, kind.read, true, ["sign"]).catch(() => undefined);
      if (key) return SigningKey.#ofKey(kind, key, await crypto.subtle.exportKey("jwk", key), options.keyId);
    }
    throw invalid("the key is not a private P-256, Ed25519 or RSA key in PEM: turn yours into PKCS #8 with `openssl pkcs8 -topk8 -nocrypt`");
  }

  /** A key pair of WebCrypto's. */
  static async of(pair: CryptoKeyPair, options: { keyId?: string } = {}): Promise<SigningKey> {
    const { name } = pair.privateKey.algorithm;
    const kind = KINDS.find(({ read }) => read.name === name);
    if (!kind) throw invalid(`the key signs with ${name}: take ECDSA with P-256, Ed25519, or RSASSA-PKCS1-v1_5`);
    return SigningKey.#ofKey(kind, pair.privateKey, await crypto.subtle.exportKey("jwk", pair.publicKey), options.keyId);
  }

  /** A key that is elsewhere (a KMS, a smart card): its public half, and what signs with it. Of ECDSA, both numbers one after the other. */
  static elsewhere(jwk: PublicJwk, sign: (message: Uint8Array) => Promise<ArrayBuffer | Uint8Array>): SigningKey {
    if (typeof sign !== "function") throw invalid("sign must be a function, which gives the signature of a message");
    return new SigningKey({ ...jwk }, sign);
  }

  static #ofKey(kind: Kind, key: CryptoKey, jwk: JsonWebKey, keyId: string | undefined): SigningKey {
    const all = jwk as Record<string, string>;
    const open = Object.fromEntries(kind.members.map((name) => [name, all[name] as string]));
    return new SigningKey({ ...open, alg: kind.name, ...(keyId !== undefined && { kid: keyId }) }, (message) => crypto.subtle.sign(kind.sign, key, message));
  }

  /** The thumbprint of its public half (RFC 7638): what a bound token names as `jkt`. */
  async thumbprint(): Promise<string> {
    const members = KINDS.find(({ members }) => members.every((name) => name in this.jwk))?.members ?? [];
    const text = JSON.stringify(Object.fromEntries(members.map((name) => [name, this.jwk[name]])));
    return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
  }

  /** @internal As the core takes it. */
  get shown(): { jwk: PublicJwk; stand_in: string } {
    return { jwk: this.jwk, stand_in: this.#standIn };
  }

  /** @internal The same text, with each signature that was left open. */
  async complete(text: string): Promise<string> {
    const open = new RegExp(`([\\w-]+\\.[\\w-]+)\\.${this.#standIn}`, "g");
    const signed = new Map<string, string>();
    for (const [, message] of text.matchAll(open)) {
      const signature = await this.#sign(new TextEncoder().encode(message)).catch((cause: unknown) => {
        throw new RekindleError({ kind: "System", message: `the key could not sign (${String(cause)}): see whether it is there still` }, { cause });
      });
      signed.set(message as string, base64url(new Uint8Array(signature)));
    }
    return text.replace(open, (_, message: string) => `${message}.${signed.get(message)}`);
  }

  /** @internal */
  isOpenIn(text: string): boolean {
    return text.includes(this.#standIn);
  }

  toJSON(): object {
    return { jwk: this.jwk };
  }
}

/** @internal What keys have left open in a request is signed. Keys live as long as their sessions. */
export class Signatures {
  readonly #keys = new Set<WeakRef<SigningKey>>();

  add(keys: readonly SigningKey[]): void {
    const known = new Set([...this.#keys].map((key) => key.deref()));
    for (const key of keys) if (!known.has(key)) this.#keys.add(new WeakRef(key));
    for (const key of this.#keys) if (!key.deref()) this.#keys.delete(key);
  }

  /** Nothing where nothing is open. */
  complete<T extends Signable>(request: T): Promise<T> | undefined {
    if (this.#keys.size === 0) return undefined;
    const texts = [request.body ?? "", ...request.headers.map(([, value]) => value)];
    const open = [...this.#keys].flatMap((key) => key.deref() ?? []).filter((key) => texts.some((text) => key.isOpenIn(text)));
    return open.length > 0 ? signed(request, open) : undefined;
  }
}

interface Signable {
  headers: [string, string][];
  body?: string;
}

async function signed<T extends Signable>(request: T, keys: SigningKey[]): Promise<T> {
  const complete = async (text: string) => {
    for (const key of keys) text = await key.complete(text);
    return text;
  };
  const headers = await Promise.all(request.headers.map(async ([name, value]) => [name, await complete(value)]));
  return { ...request, headers, ...(request.body !== undefined && { body: await complete(request.body) }) } as T;
}

function newPair(): Promise<CryptoKeyPair> {
  if (!globalThis.crypto?.subtle) throw invalid("there is no WebCrypto here: pages need https, or localhost");
  return crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
}

const PAIRS = "pairs";

/** The one that is kept, or a new one: all tabs get the same. */
async function keptPair(name: string): Promise<CryptoKeyPair> {
  const made = await newPair();
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    // Reading the property throws where storage is refused; elsewhere there is none.
    const opening = globalThis.indexedDB.open("rekindle-keys", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(PAIRS);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => resolve(opening.result);
  }).catch((error: unknown) => Promise.reject(noPlace(error)));
  try {
    return await new Promise<CryptoKeyPair>((resolve, reject) => {
      const transaction = database.transaction(PAIRS, "readwrite", { durability: "strict" });
      const read: IDBRequest<CryptoKeyPair | undefined> = transaction.objectStore(PAIRS).get(name);
      read.onsuccess = () => {
        if (!read.result) transaction.objectStore(PAIRS).put(made, name);
      };
      transaction.oncomplete = () => resolve(read.result ?? made);
      transaction.onabort = () => reject(noPlace(transaction.error));
    });
  } finally {
    database.close();
  }
}

function noPlace(error: unknown): RekindleError {
  return new RekindleError({ kind: "StoreUnavailable", message: `IndexedDB keeps no key here (${String(error)}): use SigningKey.generate(), and sign in anew with each page` }, { cause: error });
}

function base64url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  } catch {
    return undefined;
  }
}
