/** The session of this browser, shared by all its tabs. On the server it is never used: there it would be everybody's. */
import { BrowserStore, Session, tokensFromLocalStorage } from "rekindle";
import { browser } from "$app/environment";

export const session =
  browser &&
  new Session({
    tokenUrl: `${location.origin}/token`,
    clientId: "app",
    tokens: tokensFromLocalStorage({ accessToken: "access", refreshToken: "refresh" }),
    origins: [location.origin],
    store: new BrowserStore("sveltekit"),
  });
