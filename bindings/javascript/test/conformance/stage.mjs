/** Where a case is played: its servers, its clock, its store and its sessions. */
import { newDriver } from "../../dist/session.js";
import { parse } from "smol-toml";
import { Client, NotSent, RefreshTokenDead, Session } from "rekindle";

import { ManualClock } from "./clock.mjs";
import { startServer } from "./server.mjs";
import { Shelf } from "./store.mjs";

export class Stage {
  clock = new ManualClock();
  shelf = new Shelf();
  sessions = new Map();
  complaints = [];

  /** `through`: what carries out requests, `fetch` or `client`. */
  static async set(spec, through) {
    const stage = new Stage();
    stage.through = through;
    stage.server = await startServer(spec.server);
    const names = { "{server}": stage.server.url };
    if (spec.other) {
      stage.other = await startServer(spec.other);
      names["{other}"] = stage.other.url;
    }
    stage.case = named(spec, names);
    await stage.server.control("POST", "/__script", { steps: stage.case.server?.steps ?? [] });
    await stage.other?.control("POST", "/__script", { steps: stage.case.other.steps ?? [] });
    stage.driver = await newDriver(stage.clock);
    return stage;
  }

  async make(name, given) {
    const spec = { token_url: `${this.server.url}/token`, client_id: "app", ...this.case.session, ...given };
    const [life, heard] = [{ ended: false }, []];
    let session;
    const refresh = spec.refresh_with && script([...spec.refresh_with], () => session);
    const options = {
      dialect: spec.dialect?.toml === undefined ? spec.dialect : parse(spec.dialect.toml),
      tokenUrl: spec.token_url,
      clientId: spec.client_id ?? undefined,
      clientSecret: spec.client_secret,
      clientAuth: spec.client_auth,
      variables: spec.variables,
      tokens: await this.#tokens(spec),
      origins: spec.origins ?? [this.server.url],
      insecureOrigins: spec.insecure_origins,
      rotation: spec.rotation,
      background: spec.background,
      waitTimeout: spec.wait_ms,
      sendTimeout: spec.send_ms,
      lease: spec.lease_ms,
      store: spec.store === "scripted" ? this.shelf.of(life) : undefined,
      refresh,
      clientCredentials: spec.client_credentials,
      alone: !spec.same_process,
    };
    session = new Session(options, this.driver);
    const client = new Client(session, clientOptions(spec.client ?? {}, this.server.url));
    const kept = { session, client, life, heard };
    session.onEvent((event) => heard.push(event));
    this.sessions.set(name, kept);
  }

  async #tokens(spec) {
    if (spec.credential === false) return undefined;
    return spec.credential === undefined ? this.usual() : tokens(spec.credential);
  }

  /** The model's sign-in, or `AT-1` and `RT-1`. */
  async usual() {
    if (!this.server.hasModel) return { accessToken: "AT-1", refreshToken: "RT-1" };
    const made = await this.server.control("POST", "/__sign_in");
    return { accessToken: made.access_token, refreshToken: made.refresh_token };
  }

  session(name) {
    const kept = this.sessions.get(name);
    if (!kept) throw new Error(`there is no session ${name}`);
    return kept;
  }

  complain(complaint) {
    if (complaint !== undefined) this.complaints.push(complaint);
  }

  /** No text that is told holds a token. */
  mustNotLeak(what, text) {
    const sentinel = ["AT-", "RT-", "SECRET-"].find((one) => text.includes(one));
    if (sentinel) this.complain(`${what} shows a token (${sentinel}..): ${text}`);
  }

  close() {
    this.server.close();
    this.other?.close();
  }
}

function clientOptions(given, baseUrl) {
  return {
    baseUrl,
    graphqlPath: given.graphql_path,
    headers: given.headers,
    timeout: given.timeout_ms,
    maxRedirects: given.max_redirects,
    retries: given.max_sends,
  };
}

export function tokens(written) {
  return {
    accessToken: written.access_token,
    refreshToken: written.refresh_token,
    expiresIn: written.expires_in,
    expiresAt: written.expires_at_ms,
    scope: written.scope,
    tokenType: written.token_type,
  };
}

/** A refresh function that gives its results one after the other. */
function script(results, own) {
  return async () => {
    const next = results.shift() ?? {};
    if (next.calls_back) {
      const error = await own().token().then(() => undefined, (error) => error);
      if (error?.kind !== "Misuse") throw new NotSent("the session let its own refresh function wait for it");
    }
    if (next.error === "login_required") throw new RefreshTokenDead("as scripted");
    if (next.error === "not_sent") throw new NotSent("as scripted");
    if (next.error) throw new Error("as scripted");
    return tokens(next);
  };
}

function named(value, names) {
  if (typeof value === "string") {
    return Object.entries(names).reduce((text, [name, url]) => text.replaceAll(name, url), value);
  }
  if (Array.isArray(value)) return value.map((one) => named(one, names));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, named(one, names)]));
}
