/** The same for undici, which is Node's alone. */
import { Agent, request } from "undici";

import { interceptor } from "rekindle/undici";

import { sessionOf } from "./clients.mjs";

export const undiciClients = {
  "bare undici": (url) => {
    const dispatcher = new Agent();
    return { get: async (signal) => get(url, { dispatcher, signal, headers: { authorization: "Bearer AT-1" } }) };
  },
  "rekindle undici interceptor": (url) => {
    const session = sessionOf(url);
    const dispatcher = new Agent().compose(interceptor(session));
    return { get: async (signal) => get(url, { dispatcher, signal }), signOut: () => session.signOut() };
  },
};

async function get(url, init) {
  const { statusCode, body } = await request(`${url}/data`, init);
  await body.text();
  return statusCode;
}
