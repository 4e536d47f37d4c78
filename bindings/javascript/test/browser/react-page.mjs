/** A React application with a session; `start` renders it. */
import { createElement, StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { SessionProvider, useSession } from "rekindle/react";

import "./page.mjs";

globalThis.shown = [];

function User({ name, suspend }) {
  const { standing, signedIn } = useSession({ suspend });
  const text = `${name}: ${standing}${signedIn ? ", signed in" : ""}`;
  globalThis.shown.push(text);
  return createElement("p", { id: name }, text);
}

const start = globalThis.start;
globalThis.start = (options) => {
  start(options);
  const root = document.body.appendChild(document.createElement("main"));
  const waits = createElement("p", { id: "waits" }, "waits");
  const users = [
    createElement(User, { key: 1, name: "plain" }),
    createElement(Suspense, { key: 2, fallback: waits }, createElement(User, { name: "suspended", suspend: true })),
  ];
  createRoot(root).render(createElement(StrictMode, {}, createElement(SessionProvider, { session: globalThis.session }, users)));
};
