/** What is expected once all operations are done. */
import { inspect } from "node:util";

import { matches } from "./matching.mjs";

const json = JSON.stringify;

export async function check(stage) {
  const expect = stage.case.expect ?? {};
  for (const name of stage.sessions.keys()) await checkSession(stage, name, expect);
  await served(stage, "server", stage.server, expect.server_log ?? []);
  if (stage.other) await served(stage, "other", stage.other, expect.other_log ?? []);
  if (expect.model) stage.complain(matches(expect.model, await stage.server.control("GET", "/__counters"), "model"));
  if (expect.stored) stage.complain(matches(expect.stored, stored(stage), "stored"));
}

async function checkSession(stage, name, expect) {
  const { session, client, heard } = stage.session(name);
  stage.mustNotLeak("a session's inspection", inspect({ session, client }, { depth: 9, showHidden: true }) + json({ session, client }));
  stage.mustNotLeak("an event", inspect(heard));
  if (expect.events) {
    const wanted = expect.events
      .filter((event) => (event.session ?? "main") === name)
      .flatMap((event) => Array(event.times ?? 1).fill(eventPattern(event)));
    stage.complain(eventsMatch(wanted, heard, name));
  }
  const counters = name === "main" ? expect.counters : expect.counters?.[name];
  if (counters) {
    const isMatcher = (value) => Object.keys(value).every((key) => key.startsWith("$"));
    const own = Object.entries(counters).filter(([, value]) => typeof value !== "object" || isMatcher(value));
    stage.complain(matches(Object.fromEntries(own), await session.stats(), `counters of ${name}`));
  }
}

function eventsMatch(wanted, heard, name) {
  if (wanted.length !== heard.length) {
    const names = (events) => json(events.map((event) => event.name ?? "any"));
    return `events of ${name}: ${names(heard)} instead of ${names(wanted)}`;
  }
  return wanted.map((one, at) => matches(one, heard[at], `events of ${name}[${at}]`)).find((one) => one !== undefined);
}

/** A name alone stands for any event of that name. */
export function eventPattern(event) {
  if (typeof event === "string") return { name: event };
  const { session: _, times: __, ...pattern } = event;
  return pattern;
}

/** Whether the events that are expected have come. */
export function hasHeardAll(stage) {
  const wanted = stage.case.expect?.events ?? [];
  return [...stage.sessions].every(([name, { heard }]) =>
    wanted
      .filter((event) => (event.session ?? "main") === name)
      .every((event) => heard.some((one) => matches(eventPattern(event), one) === undefined)),
  );
}

/** The script is used up, nothing else was asked for, and each entry was seen as often as it says. */
async function served(stage, name, server, wanted) {
  const { complaints } = await server.control("GET", "/__consumed");
  for (const complaint of complaints) stage.complain(`${name}: ${complaint}`);
  const log = (await server.control("GET", "/__log")).map(logged);
  for (const { count = 1, ...pattern } of wanted) {
    const found = log.filter((request) => matches(pattern, request) === undefined).length;
    stage.complain(matches(count, found, `${name}: count of ${json(pattern)}`));
  }
}

function logged({ method, path, target, body, authorization, headers }) {
  const token = (authorization ?? "").replace(/^\S+ /, "");
  return { method, path, target, body, token, headers: Object.fromEntries(headers) };
}

export function stored(stage) {
  const { record } = stage.shelf;
  return record === undefined ? { present: false } : { present: true, text: record };
}
