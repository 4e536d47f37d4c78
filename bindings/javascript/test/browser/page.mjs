/** What every page of the tests has: the package, and a session that the test makes. */
import * as rekindle from "rekindle";

globalThis.rekindle = rekindle;
globalThis.start = (options = {}) => {
  const { store, cookie, ...rest } = options;
  if (cookie === "dialect") {
    rest.tokenUrl = `${location.origin}/cookie-refresh`;
    rest.dialect = { refresh_token: { credential: "cookie" }, revoke: { url: `${location.origin}/cookie-refresh/revoke` } };
  } else if (cookie) rest.refresh = rekindle.cookieRefresh("/cookie-refresh");
  globalThis.events = [];
  globalThis.session = new rekindle.Session({
    tokenUrl: `${location.origin}/token`,
    clientId: "app",
    origins: [location.origin],
    insecureOrigins: [location.origin],
    store: store === "local" ? new rekindle.LocalStorageStore() : new rekindle.BrowserStore(store ?? "app"),
    ...rest,
  });
  globalThis.session.onEvent(({ name }) => globalThis.events.push(name));
};
/** So many requests at once: their statuses, each once. */
globalThis.ask = async (times) => {
  const all = await Promise.all(Array.from({ length: times }, () => session.fetch("/data").then(({ status }) => status, (error) => error.kind ?? String(error))));
  return [...new Set(all)];
};
