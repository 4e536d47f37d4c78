/** What a browser does not let scripts see or do, so that a case cannot be played: the reason; else `undefined`. */
export function hidden(spec) {
  const text = JSON.stringify(spec);
  if (text.includes('"stream":')) return "Chromium streams uploads over HTTP/2 alone";
  if ([...text.matchAll(/"barrier":\s*(\d+)/g)].some(([, count]) => Number(count) > MOST_CONNECTIONS)) return "a browser opens six connections to a server";
  if (REDIRECTS.has(spec.id)) return "a browser follows redirects unseen";
  if (spec.id === "retried-408") return "Chromium sends again by itself what a kept connection answered with 408";
  return sentAgain(spec, "a browser");
}

/** Chromium and Deno send a request again by themselves, a POST too, where a connection that was kept ends without an answer. */
export function sentAgain(spec, who) {
  return /close_before_response|lose_answers/.test(JSON.stringify(spec)) ? `${who} sends again by itself what a kept connection lost` : undefined;
}

/** Why a test is left out, by its name: `fetch::topic::case`. */
export function reasons(cases, reason) {
  const all = new Map(cases.map((spec) => [`${spec.topic}::${spec.id}`, reason(spec)]));
  return (name) => all.get(name.split("::").slice(-2).join("::"));
}

const MOST_CONNECTIONS = 6;

const REDIRECTS = new Set([
  "redirect-within-the-origin",
  "redirect-to-another-origin-and-back",
  "only-the-last-hop-is-replayed",
  "redirects-may-be-left-alone",
  "too-many-redirects",
  "own-header-of-a-dialect",
  "redirect-of-the-token-endpoint",
  "a-token-endpoint-that-moved",
  "a-redirect-to-the-login-page-is-expired",
  "a-redirect-to-the-login-page-ends-a-session",
]);
