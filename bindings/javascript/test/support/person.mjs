/** What a person does in a browser, as far as plain forms need one: cookies, redirects, buttons. */
export class Person {
  #cookies = new Map();

  /** Follows pages and forms: gives the address outside of `server` that it is led to, or nothing where the server has no form any more. */
  async goes(url, server) {
    let step = { url };
    for (let steps = 0; steps < 20; steps++) {
      const response = await this.#visits(step);
      const location = response.headers.get("location");
      if (location) {
        const target = new URL(location, step.url).href;
        if (!target.startsWith(server)) return target;
        step = { url: target };
        continue;
      }
      const html = await response.text();
      if (!response.ok) throw new Error(`${step.url}: ${response.status} ${html}`);
      step = form(step.url, html);
      if (!step) return undefined;
    }
    throw new Error("the server never came to an end");
  }

  async #visits({ url, body }) {
    const cookie = [...this.#cookies].map((pair) => pair.join("=")).join("; ");
    const response = await fetch(url, { redirect: "manual", headers: { cookie }, ...(body && { method: "POST", body }) });
    for (const pair of response.headers.getSetCookie()) {
      const [name, value] = pair.split(";")[0].split(/=(.*)/s);
      this.#cookies.set(name, value);
    }
    return response;
  }
}

/** The page's form, with what it has filled in. */
function form(here, html) {
  const [, found] = html.split("<form");
  if (!found) return undefined;
  const attribute = (tag, name) => new RegExp(`${name}="([^"]*)"`).exec(tag)?.[1];
  const body = new URLSearchParams();
  for (const [input] of found.matchAll(/<input[^>]*>/g)) {
    const name = attribute(input, "name");
    if (name) body.append(name, attribute(input, "value") ?? "");
  }
  return { url: new URL(attribute(found, "action") ?? "", here).href, body };
}
