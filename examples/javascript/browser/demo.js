// A page on a server whose tokens expire when you say so: what its tabs ask, and what that takes.
import { BrowserStore, RekindleError, Session } from "rekindle";

const at = (id) => document.getElementById(id);
const tab = (sessionStorage.tab ??= String(Math.floor(Math.random() * 900) + 100));
// So that the server can tell the tabs apart; applications need none of this.
const told = (input, init) => fetch(input, { ...init, headers: { ...Object.fromEntries(new Headers(init?.headers)), "x-tab": tab } });

const session = new Session({
  tokenUrl: `${location.origin}/token`,
  clientId: "demo",
  origins: [location.origin],
  store: new BrowserStore("demo"),
  fetch: told,
});

let last = "";

/** How the session stands, and what came of the last requests. */
async function show(sentence = last) {
  last = sentence;
  const { standing, generation } = await session.status({ fresh: true });
  at("state").textContent = `${standing === "active" ? `Signed in, token ${generation}` : "Signed out"}. ${sentence}`;
}

at("tab").textContent = `This is tab ${tab}.`;
at("sign-in").onclick = async () => {
  const { accessToken, refreshToken } = await (await told("/sign-in", { method: "POST" })).json();
  await session.signIn({ accessToken, refreshToken });
  await show();
};
at("expire").onclick = () => told("/expire", { method: "POST" });
at("send").onclick = async () => {
  const all = await Promise.allSettled(Array.from({ length: 10 }, () => session.fetch("/data")));
  const fine = all.filter((one) => one.value?.ok).length;
  const { reason } = all.find((one) => one.status === "rejected") ?? {};
  await show(`${fine} of 10 requests were answered.${reason instanceof RekindleError ? ` ${reason.message}` : ""}`);
};
at("sign-out").onclick = () => session.signOut().then(() => show(""));
session.onEvent(() => show());

// The same entries, one after the other, make one row.
new EventSource("/log").onmessage = ({ data }) => {
  const { tab, method, path, status } = JSON.parse(data);
  const kind = `${tab} ${method} ${path} ${status}`;
  const last = at("log").firstElementChild;
  if (last?.dataset.kind === kind) return void (last.cells[2].textContent = Number(last.cells[2].textContent) + 1);
  const row = at("log").insertRow(0);
  row.dataset.kind = kind;
  row.className = `${status < 400 ? "ok" : "expired"} ${path === "/token" ? "refresh" : ""}`;
  for (const text of [tab, `${method} ${path}`, 1, status]) row.insertCell().textContent = text;
};
await show();
