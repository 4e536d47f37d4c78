/** A service worker whose session shares the pages' tokens. */
import { BrowserStore, Session } from "rekindle";

const session = new Session({
  tokenUrl: `${location.origin}/token`,
  clientId: "app",
  origins: [location.origin],
  insecureOrigins: [location.origin],
  store: new BrowserStore("app"),
});

addEventListener("install", () => void skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  // A page's request to this path goes to the API with the worker's token.
  if (new URL(event.request.url).pathname === "/through-worker") event.respondWith(session.fetch("/data"));
});
