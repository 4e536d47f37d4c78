// A fetch that stays signed in, in all tabs at once, with the tokens that an older version of the page left in localStorage.
import { BrowserStore, Session, tokensFromLocalStorage } from "rekindle";

const session = new Session({
  dialect: "json",
  tokenUrl: `${location.origin}/api/token/refresh`,
  tokens: tokensFromLocalStorage({ accessToken: "accessToken", refreshToken: "refreshToken" }),
  origins: [location.origin],
  store: new BrowserStore(),
});
session.on("loginRequired", () => (location.href = "/login"));

const response = await session.fetch("/data");
document.body.append(`${response.status} ${await response.text()}`);
