/** Keys that sign, at oidc-provider: it wants a nonce in every proof of possession. */
import assert from "node:assert/strict";
import { generateKeyPairSync, verify } from "node:crypto";
import { after, before, test } from "node:test";
import { inspect } from "node:util";

import { Session, SigningKey } from "rekindle";
import { Person } from "./support/person.mjs";
import { startProvider } from "./support/provider.mjs";

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pem = privateKey.export({ type: "pkcs8", format: "pem" });

let idp, clientKey;

before(async () => {
  clientKey = await SigningKey.fromPem(pem, { keyId: "2026-11" });
  idp = await startProvider({ IDP_CLIENT_JWK: JSON.stringify(clientKey.jwk) });
});

after(() => idp.stop());

const options = (more) => ({ tokenUrl: `${idp.url}/token`, origins: [idp.url], ...more });

/** A pair without a browser, whose access token is over. */
async function minted(client, key, life = 0) {
  const jkt = key ? `&jkt=${await key.thumbprint()}` : "";
  const pair = await (await fetch(`${idp.url}/mint?client=${client}&expires_in=${life}${jkt}`)).json();
  return { accessToken: pair.access_token, refreshToken: pair.refresh_token, tokenType: pair.token_type };
}

// spec 5.5
test("a client says who it is with its key", async () => {
  const session = new Session(options({ clientId: "signed", clientKey, tokens: await minted("signed") }));
  session.invalidate();
  assert.equal((await session.fetch(`${idp.url}/api/data`)).status, 200);
  const own = new Session(options({ clientId: "signed", clientKey, clientCredentials: {} }));
  assert.equal((await own.fetch(`${idp.url}/api/data`)).status, 200);
  const { clientKey: _, ...other } = options({ clientId: "signed", tokens: await minted("signed") });
  const another = new Session({ ...other, clientKey: await SigningKey.generate() });
  await assert.rejects(another.refresh(), { kind: "ClientRejected" });
});

// spec 9.4
test("tokens are bound to a key, and every send has a proof of its own with the server's nonce", async () => {
  const dpopKey = await SigningKey.generate();
  const session = new Session(options({ clientId: "pub", dpopKey, tokens: await minted("pub", dpopKey) }));
  session.invalidate();
  const before = (await idp.stats()).refreshes;
  const statuses = await Promise.all(Array.from({ length: 20 }, () => session.fetch(`${idp.url}/me`).then(({ status }) => status)));
  assert.deepEqual([...new Set(statuses)], [200]);
  assert.equal((await idp.stats()).refreshes, before + 1);
  assert.match((await session.token()).authorization, /^DPoP /);
  // Without the key the token is of no use.
  const { value } = await session.token();
  assert.equal((await fetch(`${idp.url}/me`, { headers: { authorization: `Bearer ${value}` } })).status, 401);
});

// spec 12.12
test("a user signs in to tokens that are bound to a key", async () => {
  const dpopKey = await SigningKey.generate();
  const session = new Session(options({ clientId: "pub", dpopKey, authorizationUrl: `${idp.url}/auth` }));
  const open = async (url) => {
    assert.equal(new URL(url).searchParams.get("dpop_jkt"), await dpopKey.thumbprint());
    await fetch(await new Person().goes(url, idp.url));
  };
  await session.signInWithBrowser({ scope: "openid offline_access", prompt: "consent", open });
  assert.equal((await session.fetch(`${idp.url}/me`)).status, 200);
  session.invalidate();
  assert.equal((await session.fetch(`${idp.url}/me`)).status, 200);
});

test("a key that can't sign is an error that says so, and nothing was sent", async () => {
  const { jwk } = await SigningKey.generate();
  const dpopKey = SigningKey.elsewhere(jwk, async () => {
    throw new Error("the card was taken out");
  });
  const before = await idp.stats();
  const session = new Session(options({ clientId: "pub", dpopKey, tokens: await minted("pub", dpopKey, 300) }));
  await assert.rejects(session.fetch(`${idp.url}/me`), { kind: "System", message: /card was taken out/ });
  assert.deepEqual(await idp.stats(), before);
});

test("Ed25519 and RSA keys sign too; what is no key is refused, and none shows itself", async () => {
  for (const [kind, settings, hash, more] of [
    ["ec", { namedCurve: "P-256" }, "sha256", { dsaEncoding: "ieee-p1363" }],
    ["ed25519", {}, null, {}],
    ["rsa", { modulusLength: 2048 }, "sha256", {}],
  ]) {
    const { privateKey, publicKey } = generateKeyPairSync(kind, settings);
    const dpopKey = await SigningKey.fromPem(privateKey.export({ type: "pkcs8", format: "pem" }));
    let proof;
    const send = async (_, init) => {
      proof = new Headers(init.headers).get("dpop");
      return Response.json({ access_token: "AT-2", refresh_token: "RT-2", token_type: "DPoP" });
    };
    const session = new Session(options({ dpopKey, fetch: send, tokens: { accessToken: "AT-1", refreshToken: "RT-1" } }));
    await session.refresh();
    const [header, claims, signature] = proof.split(".");
    assert(verify(hash, Buffer.from(`${header}.${claims}`), { key: publicKey, ...more }, Buffer.from(signature, "base64url")), kind);
    const { jwk } = JSON.parse(Buffer.from(header, "base64url"));
    assert.deepEqual(jwk, publicKey.export({ format: "jwk" }));
    assert.doesNotMatch(inspect(dpopKey) + JSON.stringify(dpopKey), /"?d"?:/);
  }
  await assert.rejects(SigningKey.fromPem("no key"), { kind: "InvalidConfig" });
  assert.throws(() => new Session(options({ dpopKey: pem })), /must be a SigningKey/);
  assert.throws(() => new Session(options({ dpopKey: SigningKey.elsewhere({ kty: "oct" }, async () => new Uint8Array()) })), { kind: "InvalidConfig" });
});
