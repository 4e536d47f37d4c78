/** Patterns: what a case expects of a value. */

const typeOf = (value) => (value === null || value === undefined ? "null" : Array.isArray(value) ? "array" : typeof value);
const json = (value) => JSON.stringify(value) ?? "null";

/** The first difference, by its path. Objects may have further members, lists may not. */
export function matches(pattern, actual, path = "") {
  if (typeOf(pattern) === "object") {
    const names = Object.keys(pattern);
    if (names.length > 0 && names.every((name) => name.startsWith("$"))) {
      return first(names, (name) => apply(name, pattern[name], actual, path));
    }
    if (typeOf(actual) === "object") return first(names, (name) => member(name, pattern[name], actual, path));
  }
  if (typeOf(pattern) === "array" && typeOf(actual) === "array" && pattern.length === actual.length) {
    return first([...pattern.keys()], (at) => matches(pattern[at], actual[at], `${path}[${at}]`));
  }
  if (typeOf(pattern) === typeOf(actual) && (pattern ?? null) === (actual ?? null)) return undefined;
  return `${path}: ${json(actual)} instead of ${json(pattern)}`;
}

function first(all, look) {
  for (const one of all) {
    const complaint = look(one);
    if (complaint !== undefined) return complaint;
  }
  return undefined;
}

function member(name, wanted, found, path) {
  if (name in found && found[name] !== undefined) return matches(wanted, found[name], `${path}.${name}`);
  if (wanted?.$absent === true) return undefined;
  return `${path}.${name} is missing, expected ${json(wanted)}`;
}

function apply(name, wanted, actual, path) {
  switch (name) {
    case "$any":
      return undefined;
    case "$absent":
      return `${path}: ${json(actual)}, expected none`;
    case "$type":
      return typeOf(actual) === wanted ? undefined : `${path}: ${json(actual)} is no ${wanted}`;
    case "$at_least":
      return typeof actual === "number" && actual >= wanted ? undefined : `${path}: ${json(actual)} is below ${wanted}`;
    case "$at_most":
      return typeof actual === "number" && actual <= wanted ? undefined : `${path}: ${json(actual)} is above ${wanted}`;
    case "$contains":
    case "$lacks":
      return first([wanted].flat(), (text) =>
        (typeof actual === "string" && says(actual, text)) === (name === "$contains")
          ? undefined
          : `${path}: ${json(actual)} against ${name} ${json(text)}`,
      );
    default:
      return `${path}: there is no matcher ${name}`;
  }
}

/** Messages spell settings as JavaScript does: `tokenUrl` where a case says `token_url`. */
function says(actual, text) {
  const spelled = /^[a-z]+(_[a-z]+)+$/.test(text) ? text.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()) : text;
  return actual.includes(text) || actual.includes(spelled);
}
