/**
 * How each library makes a request: `get()` returns the status. All of them start with AT-1 and RT-1. Runs in Node and in browsers.
 *
 * `shared`: what several processes or tabs share. `storage` is like `localStorage`; `store` is a store of rekindle's. Without it tokens
 * are kept in memory.
 */
import { GoTrueClient } from "@supabase/auth-js";
import axios from "axios";
import { createAuthRefresh } from "axios-auth-refresh";
import ky from "ky";
import * as oauth from "openid-client";

import { Client, Session } from "rekindle";

const text = async (response) => (await response.text(), response.status);
export const sessionOf = (url, { store } = {}) =>
  new Session({ tokenUrl: `${url}/token`, clientId: "app", tokens: { accessToken: "AT-1", refreshToken: "RT-1" }, origins: [url], ...(store && { store }) });

/** Tokens as applications keep them by hand: in memory, or in `localStorage`. */
function kept({ storage } = {}) {
  const memory = { access: "AT-1", refresh: "RT-1" };
  const one = (name) => ({
    get: () => storage?.getItem(name) ?? memory[name],
    set: (value) => (storage ? storage.setItem(name, value) : (memory[name] = value)),
  });
  return Object.defineProperties({}, { access: one("access"), refresh: one("refresh") });
}

/** What applications write by hand, for those libraries that have no refresh of their own. */
function byHand(url, shared) {
  const held = kept(shared);
  let flight;
  held.renew = () =>
    (flight ??= fetch(`${url}/token`, { method: "POST", body: new URLSearchParams({ grant_type: "refresh_token", refresh_token: held.refresh }) })
      .then((response) => response.json())
      .then((json) => ([held.access, held.refresh] = [json.access_token, json.refresh_token]))
      .finally(() => (flight = undefined)));
  return held;
}

export const clients = {
  "bare fetch": (url) => ({ get: async (signal) => text(await fetch(`${url}/data`, { headers: { authorization: "Bearer AT-1" }, signal })) }),
  "rekindle session.fetch": (url, shared) => {
    const session = sessionOf(url, shared);
    return { get: async (signal) => text(await session.fetch(`${url}/data`, { signal })), signOut: () => session.signOut(), session };
  },
  "rekindle Client": (url) => {
    const client = new Client(sessionOf(url), { baseUrl: url });
    return { get: async (signal) => text(await client.get("/data", { signal })), signOut: () => client.session.signOut() };
  },
  "axios + axios-auth-refresh": (url, shared) => {
    const held = byHand(url, shared);
    const client = axios.create({ adapter: "fetch", validateStatus: (status) => status < 400 });
    client.interceptors.request.use((config) => (config.headers.set("authorization", `Bearer ${held.access}`), config));
    createAuthRefresh(client, async (failed) => {
      await held.renew();
      failed.response.config.headers.Authorization = `Bearer ${held.access}`;
    });
    return { get: async (signal) => (await client.get(`${url}/data`, { signal }).catch((error) => error.response ?? Promise.reject(error))).status };
  },
  "ky + afterResponse": (url, shared) => {
    const held = byHand(url, shared);
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
  "openid-client": (url, shared) => {
    const config = new oauth.Configuration({ issuer: url, token_endpoint: `${url}/token` }, "app");
    oauth.allowInsecureRequests(config);
    const held = kept(shared);
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
  // It has no hook for a 401: the request is sent again by hand, after its `refreshSession`.
  "supabase auth-js": (url, shared) => {
    const key = "auth";
    const session = { access_token: "AT-1", refresh_token: "RT-1", token_type: "bearer", expires_in: 3600, expires_at: Math.round(Date.now() / 1000) + 3600, user: { id: "ada" } };
    const memory = new Map();
    const storage = shared?.storage ?? { getItem: (name) => memory.get(name) ?? null, setItem: (name, value) => memory.set(name, value), removeItem: (name) => memory.delete(name) };
    if (!storage.getItem(key)) storage.setItem(key, JSON.stringify(session));
    const auth = new GoTrueClient({ url, storageKey: key, storage, autoRefreshToken: false, persistSession: true, detectSessionInUrl: false });
    const ask = async (signal) => {
      const { data } = await auth.getSession();
      return fetch(`${url}/data`, { headers: { authorization: `Bearer ${data.session?.access_token}` }, signal });
    };
    const get = async (signal) => {
      const response = await ask(signal);
      if (response.status !== 401) return text(response);
      await response.text();
      const { error } = await auth.refreshSession();
      return error ? 401 : text(await ask(signal));
    };
    return { get, signOut: () => auth.signOut({ scope: "local" }) };
  },
};
