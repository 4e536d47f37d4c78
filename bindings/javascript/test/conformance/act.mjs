/** Carries out one operation. */
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";

import { Client, judged, RekindleError } from "rekindle";

import { eventPattern, stored } from "./check.mjs";
import { matches } from "./matching.mjs";
import { tokens } from "./stage.mjs";

/** What it gives; an error of ours is a result, any other one a mistake. */
export async function act(stage, session, spec, signal) {
  try {
    return (await perform(stage, session, spec, signal)) ?? {};
  } catch (error) {
    if (error instanceof RekindleError) return { error: toldError(stage, error) };
    // As the global fetch does where there is no response.
    if ((error instanceof TypeError && error.message === "fetch failed") || error?.code === "ECONNRESET") {
      return { error: { kind: "Connection", message: error.message, retryable: true } };
    }
    throw error;
  }
}

async function perform(stage, name, spec, signal) {
  const { clock, server } = stage;
  switch (spec.op) {
    case "new_session":
      return stage.make(spec.name, spec.with ?? {});
    case "advance":
      return advance(stage, spec.ms);
    case "jump_wall":
      return clock.jumpWall(spec.by_ms);
    case "advance_to_timer": {
      await until(async () => nextTimer(stage, spec.within_ms) !== undefined);
      return advance(stage, nextTimer(stage, spec.within_ms));
    }
    case "wait_for":
      return until(() => hasCome(stage, name, spec));
    case "release":
      return void (await server.control("POST", "/__release", { name: spec.name }));
    case "play":
      return void (await server.control("POST", "/__script", { steps: spec.steps }));
    case "expire_all":
    case "revoke_all":
      return void (await server.control("POST", `/__${spec.op}`));
    case "lose_answers":
      return void (await server.control("POST", "/__knobs", { lose_answers: spec.answers }));
    case "crash":
      return void (stage.session(spec.of).life.ended = true);
    case "store":
      stage.shelf.loading = spec.load ?? stage.shelf.loading;
      stage.shelf.saving = spec.save ?? stage.shelf.saving;
      return spec.damage && stage.shelf.damage(spec.damage);
    default:
      return ask(stage, stage.session(name), spec, signal);
  }
}

async function ask(stage, { session, client }, spec, signal) {
  switch (spec.op) {
    case "request":
      return request(stage, stage.through === "client" ? client : session, spec, signal);
    case "graphql":
      return { data: await client.graphql(spec.query, spec.variables, { signal }) };
    case "token":
      if (spec.if_valid) return toldToken(stage, session.tokenIfValid());
      return toldToken(stage, await session.token({ minLife: spec.min_life_ms, signal }));
    case "refresh":
      return toldToken(stage, await (spec.force ? session.forceRefresh({ signal }) : session.refresh({ signal })));
    case "invalidate":
      return session.invalidate();
    case "sign_in":
      return session.signIn(spec.credential ? tokens(spec.credential) : await stage.usual());
    case "sign_out":
      return session.signOut();
    case "shutdown":
      return { settled: await session.shutdown(spec.ms) };
    case "status":
      return toldStatus(stage, await session.status({ fresh: spec.fresh }));
    default:
      throw new Error(`not an operation: ${spec.op}`);
  }
}

async function request(stage, sender, spec, signal) {
  const init = { method: spec.method ?? "GET", headers: { ...spec.headers }, signal };
  if (spec.json !== undefined) {
    init.body = JSON.stringify(spec.json);
    init.headers["content-type"] ??= "application/json";
  }
  if (spec.form) init.body = new URLSearchParams(spec.form);
  if (spec.text !== undefined) init.body = spec.text;
  if (spec.stream !== undefined) Object.assign(init, { body: new Blob([spec.stream]).stream(), duplex: "half" });
  if (spec.follow_redirects === false) init.redirect = "manual";
  if (spec.streamed) init.streamed = true;
  if (spec.timeout_ms !== undefined) init.timeout = spec.timeout_ms;
  if (spec.idempotency_key !== undefined) init.idempotencyKey = spec.idempotency_key;
  const response =
    sender instanceof Client
      ? await sender.request(init.method, spec.url, withoutMethod(init))
      : await sender.fetch(new URL(spec.url, stage.server.url), init);
  stage.mustNotLeak("a response's inspection", inspect(judged(response)));
  const text = await response.text();
  const told = { status: response.status, url: response.url, headers: Object.fromEntries(response.headers), text };
  told.json = parsed(text);
  const { verdict, replayRefused, redirects } = judged(response);
  told.redirects = redirects;
  if (verdict) told.verdict = { ...verdict, after_ms: verdict.retry_after_ms };
  if (replayRefused) told.replay_refused = replayRefused;
  return told;
}

function withoutMethod({ method: _, ...rest }) {
  return rest;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What the host is doing takes real time: virtual time must not overtake it. */
async function advance(stage, ms) {
  await until(async () => !stage.driver.busyWithStore);
  stage.clock.advance(ms);
}

function nextTimer(stage, within) {
  const left = stage.clock.left();
  return left !== undefined && left <= within ? left : undefined;
}

async function until(isSo) {
  while (!(await isSo())) await sleep(1);
}

async function hasCome(stage, name, what) {
  const { session, heard } = stage.session(name);
  if ("requests" in what) {
    const log = await stage.server.control("GET", "/__log");
    if (log.filter((one) => what.path === undefined || one.path === what.path).length < what.requests) return false;
  }
  const fits = (pattern, actual) => matches(pattern, actual) === undefined;
  if ("event" in what && !heard.some((event) => fits(eventPattern(what.event), event))) return false;
  if ("counters" in what && !fits(what.counters, await session.stats())) return false;
  if ("status" in what && !fits(what.status, await session.status())) return false;
  if ("stored" in what && !fits(what.stored, stored(stage))) return false;
  if ("timer_beyond_ms" in what && nextTimer(stage, what.timer_beyond_ms) !== undefined) return false;
  return !("timer_within_ms" in what) || nextTimer(stage, what.timer_within_ms) !== undefined;
}

function toldToken(stage, token) {
  if (!token) return { token: null };
  stage.mustNotLeak("a token's inspection", inspect(token) + JSON.stringify(token));
  const { value, authorization, header, generation, expiresAt } = token;
  return { token: value, authorization, header, generation, expires_at_ms: expiresAt?.getTime() ?? null };
}

function toldStatus(stage, status) {
  stage.mustNotLeak("a status", inspect(status));
  return status;
}

function toldError(stage, error) {
  stage.mustNotLeak("an error", `${error} ${error.stack} ${inspect(error)} ${JSON.stringify(error)}`);
  const { kind, message, retryable, oauthError, status, retryAfter, response } = error;
  const told = { kind, message, retryable, oauth_error: oauthError, status, retry_after_ms: retryAfter };
  if (error.graphql.length > 0) told.graphql = error.graphql;
  if (response) {
    const { status, url, headers, body, verdict, replayRefused } = response;
    told.response = { status, url, headers: Object.fromEntries(headers), text: body, json: parsed(body) };
    if (verdict) told.response.verdict = verdict;
    if (replayRefused) told.response.replay_refused = replayRefused;
  }
  return told;
}
