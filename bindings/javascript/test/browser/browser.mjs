/** Chromium, one for all tests of a file; each test has an origin of its own. */
import { chromium } from "playwright-core";

import { Site } from "./site.mjs";

let running;

export function browser() {
  return (running ??= launch());
}

export function launch(args = []) {
  return chromium.launch({
    executablePath: process.env.REKINDLE_CHROMIUM ?? "/usr/bin/chromium",
    // In a container there is no sandbox, and little shared memory.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", ...args],
  });
}

export async function stopBrowser() {
  await (await running)?.close();
}

/** A site and a profile of its own, both gone after the test. */
export async function stage(test, settings) {
  const site = await Site.start(settings);
  const context = await (await browser()).newContext();
  test.after(async () => {
    await context.close();
    site.stop();
  });
  const open = async (path = "/") => {
    const page = await context.newPage();
    page.complaints = [];
    page.on("pageerror", (error) => page.complaints.push(String(error)));
    await page.goto(site.url + path);
    await page.waitForFunction(() => "start" in globalThis);
    return page;
  };
  return { site, context, open };
}
