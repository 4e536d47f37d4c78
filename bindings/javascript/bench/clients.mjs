/** How each library asks: `get()` gives the status. All of them hold AT-1 and RT-1. */
import axios from "axios";
import { createAuthRefresh } from "axios-auth-refresh";
import ky from "ky";
import * as oauth from "openid-client";
import { Agent, request } from "undici";

import { Client, Session } from "rekindle";
import { interceptor } from "rekindle/undici";

const text = async (response) => (await response.text(), response.status);
const sessionOf = (url) =>
  new Session({ tokenUrl: `${url}/token`, clientId: "app", tokens: { accessToken: "AT-1", refreshToken: "RT-1" }, origins: [url] });

/** What everybody writes by hand, for those libraries that have no refresh of their own. */
function byHand(url) {
  const held = { access: "AT-1", refresh: "RT-1", flight: undefined };
  held.renew = () =>
    (held.flight ??= fetch(`${url}/token`, { method: "POST", body: new URLSearchParams({ grant_type: "refresh_token", refresh_token: held.refresh }) })
      .then((response) => response.json())
      .then((json) => ([held.access, held.refresh] = [json.access_token, json.refresh_token]))
      .finally(() => (held.flight = undefined)));
  return held;
}

export const clients = {
  "bare fetch": (url) => ({ get: async (signal) => text(await fetch(`${url}/data`, { headers: { authorization: "Bearer AT-1" }, signal })) }),
  "rekindle session.fetch": (url) => {
    const session = sessionOf(url);
    return { get: async (signal) => text(await session.fetch(`${url}/data`, { signal })), signOut: () => session.signOut(), session };
  },
  "rekindle Client": (url) => {
    const client = new Client(sessionOf(url), { baseUrl: url });
    return { get: async (signal) => text(await client.get("/data", { signal })), signOut: () => client.session.signOut() };
  },
  "bare undici": (url) => {
    const dispatcher = new Agent();
    return { get: async (signal) => undiciGet(url, { dispatcher, signal, headers: { authorization: "Bearer AT-1" } }) };
  },
  "rekindle undici interceptor": (url) => {
    const session = sessionOf(url);
    const dispatcher = new Agent().compose(interceptor(session));
    return { get: async (signal) => undiciGet(url, { dispatcher, signal }), signOut: () => session.signOut() };
  },
  "axios + axios-auth-refresh": (url) => {
    const held = byHand(url);
    const client = axios.create({ adapter: "fetch", validateStatus: (status) => status < 400 });
    client.interceptors.request.use((config) => (config.headers.set("authorization", `Bearer ${held.access}`), config));
    createAuthRefresh(client, async (failed) => {
      await held.renew();
      failed.response.config.headers.Authorization = `Bearer ${held.access}`;
    });
    return { get: async (signal) => (await client.get(`${url}/data`, { signal }).catch((error) => error.response ?? Promise.reject(error))).status };
  },
  "ky + afterResponse": (url) => {
    const held = byHand(url);
    const client = ky.create({
      retry: 0,
      throwHttpErrors: false,
      hooks: {
        beforeRequest: [(request) => void request.headers.set("authorization", `Bearer ${held.access}`)],
        afterResponse: [
          async (request, options, response) => {
            if (response.status !== 401) return response;
            await held.renew();
            request.headers.set("authorization", `Bearer ${held.access}`);
            return ky(request, { retry: 0, throwHttpErrors: false });
          },
        ],
      },
    });
    return { get: async (signal) => text(await client.get(`${url}/data`, { signal })) };
  },
  "openid-client": (url) => {
    const config = new oauth.Configuration({ issuer: url, token_endpoint: `${url}/token` }, "app");
    oauth.allowInsecureRequests(config);
    const held = { access: "AT-1", refresh: "RT-1" };
    const get = async (signal) => {
      const ask = () => oauth.fetchProtectedResource(config, held.access, new URL(`${url}/data`), "GET", null, undefined, { signal });
      let response = await ask();
      if (response.status === 401) {
        await response.text();
        const renewed = await oauth.refreshTokenGrant(config, held.refresh);
        [held.access, held.refresh] = [renewed.access_token, renewed.refresh_token];
        response = await ask();
      }
      return text(response);
    };
    return { get };
  },
};

async function undiciGet(url, init) {
  const { statusCode, body } = await request(`${url}/data`, init);
  await body.text();
  return statusCode;
}
