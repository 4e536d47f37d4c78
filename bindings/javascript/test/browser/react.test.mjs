/** `rekindle/react`, rendered on a server and in a page. */
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { Session } from "rekindle";
import { SessionProvider, useSession } from "rekindle/react";

import { stage, stopBrowser } from "./browser.mjs";

after(stopBrowser);

const LIMIT = { timeout: 60_000 };

test("a server renders a session that it does not know yet", () => {
  const session = new Session({ tokenUrl: "https://auth.example.com/token" });
  const Shown = () => useSession().standing;
  assert.equal(renderToString(createElement(SessionProvider, { session }, createElement(Shown))), "unread");
  assert.throws(() => renderToString(createElement(Shown)), /needs a SessionProvider/);
});

test("components follow a session through sign-in, and through a sign-out in another tab", LIMIT, async (context) => {
  const { open, site } = await stage(context);
  const [first, second] = [await open("/react"), await open("/react")];
  const shows = (page, text) => page.waitForFunction((text) => ["plain", "suspended"].every((id) => document.getElementById(id)?.textContent === `${id}: ${text}`), text);
  for (const page of [first, second]) {
    await page.evaluate(() => start());
    await shows(page, "signed_out");
    // The suspended one was never rendered without knowing.
    assert.deepEqual(await page.evaluate(() => shown.filter((text) => text === "suspended: unread")), []);
  }
  await first.evaluate((tokens) => session.signIn(tokens), site.signIn());
  for (const page of [first, second]) await shows(page, "active, signed in");
  await second.evaluate(() => session.signOut());
  for (const page of [first, second]) await shows(page, "signed_out");
  assert.deepEqual([...first.complaints, ...second.complaints], []);
});
