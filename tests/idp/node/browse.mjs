// What a person does in a real browser: opens the address, gives a name and a password, presses the buttons, and sees the
// page that the application shows at the end. Prints where it ended and what it showed, as JSON.
// Usage: node browse.mjs ADDRESS [SCREENSHOT]
import { chromium } from 'playwright-core';

const [address, screenshot] = process.argv.slice(2);
const patience = 120_000;
const browser = await chromium.launch({
  executablePath: process.env.REKINDLE_CHROMIUM ?? '/usr/bin/chromium',
  // All pages are on loopback, and the tests may run as root.
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-proxy-server'],
});
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(patience);
  page.setDefaultNavigationTimeout(patience);
  await page.goto(address);
  const server = new URL(address).origin;
  // Names of the fields as oidc-provider's, Django's and Keycloak's pages have them.
  const names = ['login', 'username'];
  while (new URL(page.url()).origin === server) {
    for (const name of names) {
      const field = page.locator(`input[name="${name}"]`);
      if (await field.count()) await field.fill(process.env.REKINDLE_USER ?? 'ann');
    }
    const password = page.locator('input[name="password"]');
    if (await password.count()) await password.fill(process.env.REKINDLE_PASSWORD ?? 'wonderland');
    // Each press leads to another page.
    const before = page.url();
    await page.locator(':is(button:not([type="button"]), input[type="submit"]):not([name="cancel"])').last().click();
    await page.waitForURL((url) => url.href !== before);
  }
  await page.waitForLoadState();
  if (screenshot) await page.screenshot({ path: screenshot });
  const title = await page.title();
  const text = await page.locator('body').innerText();
  console.log(JSON.stringify({ url: page.url(), title, text, scripts: await page.locator('script').count() }));
} finally {
  await browser.close();
}
