"""What is compared: one client each, as its documentation makes it, asked for the same small JSON.

Each gives a function that makes so many requests, in the way that its mode says: `sync-1` and `sync-64` from one
thread and from 64, `async-64` from 64 tasks. Those that know of tokens hold a valid one with its end; the others
send the header as it is.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import Any

AT_ONCE = 64
TOKEN = "an-access-token-of-some-length-0123456789abcdef0123456789abcdef"
HEADERS = {"authorization": f"Bearer {TOKEN}"}
Get = Callable[[], Any]
Work = Callable[[int], None]


def oauth_token() -> dict[str, Any]:
    """As both OAuth libraries take it."""
    known = {"access_token": TOKEN, "refresh_token": "rt", "token_type": "Bearer"}
    return {**known, "expires_in": 3600, "expires_at": time.time() + 3600}


def session(url: str) -> Any:
    """A session of ours, whose token lives."""
    import rekindle

    return rekindle.Session(
        token_url=url + "/token", client_id="app", access_token=TOKEN, refresh_token="rt", expires_in=3600
    )


def rekindle_sync(url: str) -> Get:
    import rekindle

    client = rekindle.Client(session(url), base_url=url)
    return lambda: client.get("/").content


def primp_sync(url: str) -> Get:
    import primp

    client = primp.Client(headers=HEADERS)
    return lambda: client.get(url).content


def pyreqwest_sync(url: str) -> Get:
    from pyreqwest.client import SyncClientBuilder

    client = SyncClientBuilder().default_headers(HEADERS).build()
    return lambda: client.get(url).build().send().bytes()


def wreq_sync(url: str) -> Get:
    from wreq.blocking import Client

    client = Client(headers=HEADERS)
    return lambda: client.get(url).bytes()


def requests_sync(url: str) -> Get:
    import requests

    client = requests.Session()
    client.headers.update(HEADERS)
    return wide(client, url)


def requests_oauthlib_sync(url: str) -> Get:
    from requests_oauthlib import OAuth2Session

    token = oauth_token()
    client = OAuth2Session("app", token=token, auto_refresh_url=url + "/token", token_updater=lambda _: None)
    return wide(client, url)


def authlib_sync(url: str) -> Get:
    from authlib.integrations.requests_client import OAuth2Session

    return wide(OAuth2Session("app", token=oauth_token(), token_endpoint=url + "/token"), url)


def wide(client: Any, url: str) -> Get:
    """By default it keeps ten connections: one for each thread is fairer."""
    from requests.adapters import HTTPAdapter

    client.mount("http://", HTTPAdapter(pool_connections=AT_ONCE, pool_maxsize=AT_ONCE))
    return lambda: client.get(url).content


def httpx_sync(url: str) -> Get:
    import httpx

    client = httpx.Client(headers=HEADERS)
    return lambda: client.get(url).content


AsyncMake = Callable[[str], "tuple[AbstractAsyncContextManager[Any] | None, Callable[[], Awaitable[Any]]]"]


def rekindle_async(url: str) -> Any:
    import rekindle

    client = rekindle.AsyncClient(session(url), base_url=url)

    async def get() -> bytes:
        return (await client.get("/")).content

    return client, get


def wreq_async(url: str) -> Any:
    from wreq import Client

    client = Client(headers=HEADERS)

    async def get() -> bytes:
        return await (await client.get(url)).bytes()

    return None, get


def pyreqwest_async(url: str) -> Any:
    from pyreqwest.client import ClientBuilder

    client = ClientBuilder().default_headers(HEADERS).build()

    async def get() -> bytes:
        return bytes(await (await client.get(url).build().send()).bytes())

    return client, get


def primp_async(url: str) -> Any:
    import primp

    client = primp.AsyncClient(headers=HEADERS)

    async def get() -> bytes:
        return (await client.get(url)).content

    return None, get


def aiohttp_async(url: str) -> Any:
    import aiohttp

    client = aiohttp.ClientSession(headers=HEADERS)

    async def get() -> bytes:
        async with client.get(url) as answer:
            return await answer.read()

    return client, get


def httpx_async(url: str) -> Any:
    import httpx

    client = httpx.AsyncClient(headers=HEADERS)

    async def get() -> bytes:
        return (await client.get(url)).content

    return client, get


def authlib_async(url: str) -> Any:
    from authlib.integrations.httpx_client import AsyncOAuth2Client

    client = AsyncOAuth2Client("app", token=oauth_token(), token_endpoint=url + "/token")

    async def get() -> bytes:
        return (await client.get(url)).content

    return client, get


SYNC: dict[str, Callable[[str], Get]] = {
    "rekindle": rekindle_sync,
    "primp": primp_sync,
    "pyreqwest": pyreqwest_sync,
    "wreq": wreq_sync,
    "httpx": httpx_sync,
    "requests": requests_sync,
    "requests-oauthlib": requests_oauthlib_sync,
    "Authlib": authlib_sync,
}
ASYNC: dict[str, Callable[[str], Any]] = {
    "rekindle": rekindle_async,
    "wreq": wreq_async,
    "pyreqwest": pyreqwest_async,
    "primp": primp_async,
    "aiohttp": aiohttp_async,
    "httpx": httpx_async,
    "Authlib": authlib_async,
}
MODES: dict[str, dict[str, Callable[[str], Any]]] = {"sync-1": SYNC, "sync-64": SYNC, "async-64": ASYNC}


def work_of(name: str, mode: str, url: str) -> Work:
    """What makes so many requests with that client."""
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    if mode == "async-64":
        return tasks(ASYNC[name], url)
    get = SYNC[name](url)
    return one_after_the_other(get) if mode == "sync-1" else threads(get)


def one_after_the_other(get: Get) -> Work:
    def work(count: int) -> None:
        for _ in range(count):
            get()

    return work


def threads(get: Get) -> Work:
    pool = ThreadPoolExecutor(AT_ONCE)
    each = one_after_the_other(get)
    return lambda count: [None for _ in pool.map(each, [count // AT_ONCE] * AT_ONCE)].clear()


def tasks(make: Callable[[str], Any], url: str) -> Work:
    loop = asyncio.new_event_loop()

    async def begin() -> Callable[[], Awaitable[Any]]:
        client, get = make(url)
        if client is not None:
            await client.__aenter__()
        made: Callable[[], Awaitable[Any]] = get
        return made

    get = loop.run_until_complete(begin())

    async def each(count: int) -> None:
        for _ in range(count):
            await get()

    async def all_of(count: int) -> None:
        await asyncio.gather(*(each(count // AT_ONCE) for _ in range(AT_ONCE)))

    return lambda count: loop.run_until_complete(all_of(count))
