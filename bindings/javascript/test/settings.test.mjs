/** Every option that is wrong is told by its own name, as it is written here, without its value. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import { App, Client, RekindleError, Session } from "rekindle";

const SECRET = "SECRET-1";
const FINE = { tokenUrl: "https://auth.example.com/token", clientId: "app", origins: ["https://api.example.com"] };

/** What is wrong with each; with two of them the message goes on to name another option. */
const OPTIONS = {
  dialect: [5, "nobody", { token_endpoint: { client_auth: 5 } }],
  tokenUrl: ["nowhere", "http://auth.example.com/token", 5],
  authorizationUrl: ["nowhere", 5],
  server: [{ issuer: 5 }, "here"],
  clientId: [5],
  clientSecret: [5, {}],
  clientAuth: [5, SECRET],
  clientKey: [SECRET],
  dpopKey: [SECRET],
  requireDpop: [SECRET],
  variables: [5, { tenant: 5 }],
  tokens: [5, null, { accessToken: 5 }, { refreshToken: {} }, { expiresIn: -1 }, { expiresIn: Number.NaN }, { expiresIn: 5, expiresAt: 5 }, { expiresAt: new Date("never") }, { access_token: SECRET }],
  origins: [5, ["nowhere"], [5], ["http://api.example.com"]],
  insecureOrigins: [5, ["nowhere"], [5]],
  rotation: [SECRET, { grace_seconds: SECRET }, 5],
  background: [SECRET],
  waitTimeout: [-1, SECRET],
  sendTimeout: [Number.NaN],
  lease: [-1],
  store: [5, {}],
  refresh: [5],
  login: [5],
  loginTimeout: [SECRET],
  fetch: [SECRET],
  clientCredentials: [5, { scope: 5 }, { audience: 5 }, { resource: 5 }, { parameters: 5 }, { scop: SECRET }],
  key: [5],
  alone: [SECRET],
};
const CLIENT_OPTIONS = {
  baseUrl: ["nowhere", "http://api.example.com:99999", 5],
  graphqlPath: [5],
  headers: [5, { "x-a": 5 }, { "x a": SECRET }],
  timeout: [-1, SECRET],
  maxRedirects: [-1, 0.5],
  maxBodyBytes: [-1, SECRET],
  retries: [{ maxSends: 0 }, { maxSends: -1 }, { statuses: 5 }, { statuses: [200] }, { baseDelay: -1 }, { maxDelay: SECRET }, { maxRetryAfter: -1 }, { budgetPercent: -1 }, { budgetFloor: 0.5 }, 0, SECRET],
  print: [5],
};

/** A table that leaves one out is found here: an unknown option is told all that are known. */
function known(make) {
  const { message } = refused(() => make({ somethingElse: 1 }), "somethingElse");
  return /known are (.*)/.exec(message)[1].split(", ");
}

function refused(make, name) {
  try {
    make();
  } catch (error) {
    const shown = inspect(error);
    assert(error instanceof RekindleError, `${name}: ${shown}`);
    assert.equal(error.kind, "InvalidConfig", `${name}: ${shown}`);
    return error;
  }
  assert.fail(`${name}: taken`);
}

function told(make, table) {
  assert.deepEqual(known(make).toSorted(), Object.keys(table).toSorted());
  for (const [name, values] of Object.entries(table)) {
    for (const value of values) {
      const error = refused(() => make({ [name]: value }), `${name}: ${inspect(value)}`);
      const shown = `${name}: ${inspect(value)} -> ${error.argument} ${error.message}`;
      // What is inside an option may be told by its own name.
      const inside = Object.keys(Object(value)).includes(error.argument);
      assert(inside || error.argument?.split(/[.[]/)[0] === name, shown);
      assert(error.message.replace(/^the /, "").startsWith(error.argument), shown);
      assert.doesNotMatch(error.message, /SECRET/, shown);
      // But for what a dialect is written in.
      if (!["dialect", "rotation", "clientAuth"].includes(name)) assert.doesNotMatch(error.message.replace("access_token is no option", ""), /[a-z]_[a-z]/, shown);
    }
  }
}

// spec 10.3
test("every option of a session that is wrong is told by its name", () => {
  told((options) => new Session({ ...FINE, ...options }), OPTIONS);
});

test("every option of a client that is wrong is told by its name", () => {
  const session = new Session(FINE);
  told((options) => new Client(session, options), CLIENT_OPTIONS);
});

test("what a sign-in asks for is told by its name", async () => {
  const session = new Session({ ...FINE, authorizationUrl: "https://auth.example.com/authorize" });
  const ADDRESS = { redirectUri: "http://127.0.0.1:1/" };
  for (const [name, values] of Object.entries({
    redirectUri: ["nowhere", "http://app.example.com/callback"],
    scope: [5],
    resource: [5, ["nowhere"]],
    audience: [5],
    prompt: [5],
    loginHint: [5],
    acrValues: [5],
    maxAge: [-1],
    returnTo: [5, "https://evil.example.com"],
    parameters: [5, { a: 5 }],
  })) {
    for (const value of values) {
      const error = await session.beginSignIn({ ...ADDRESS, [name]: value }).then(() => assert.fail(`${name}: taken`), (error) => error);
      const shown = `${name}: ${inspect(value)} -> ${inspect(error)}`;
      assert.deepEqual([error.kind, error.argument?.split(/[.[]/)[0]], ["InvalidConfig", name], shown);
      assert(error.message.startsWith(error.argument), shown);
      assert.doesNotMatch(error.message, /[a-z]_[a-z]/, shown);
    }
  }
});

test("tokens of a sign-in that are wrong are told by their names", async () => {
  const session = new Session(FINE);
  for (const tokens of [{ accessToken: 5 }, { expiresIn: Number.POSITIVE_INFINITY }, { expiresAt: Number.NaN }, { accesToken: SECRET }]) {
    const error = await session.signIn(tokens).then(() => assert.fail("taken"), (error) => error);
    assert.deepEqual([error.kind, error.argument?.split(".").at(-1)], ["InvalidConfig", Object.keys(tokens)[0]], inspect(error));
  }
});

test("an app takes what a session does, but for what is one user's", () => {
  for (const [options, name] of [[{ mostIdle: -1 }, "mostIdle"], [{ tokens: {} }, "tokens"], [{ key: "ada" }, "key"], [{ alone: true }, "alone"]]) {
    assert.equal(refused(() => new App({ ...FINE, ...options }), name).argument, name);
  }
});
