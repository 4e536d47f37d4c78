"""Requests through another HTTP client, by its adapter. What they give is told as a response of `rekindle.Client` is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import httpx
import requests
import requests.adapters

import rekindle
import rekindle.aiohttp
import rekindle.httpx
import rekindle.requests
from rekindle._response import Headers

from .port import in_thread

_MANY = 100
"""Connections at once: no case waits for one."""


class Lost(Exception):
    """The other client's own error: no response came."""


@dataclass
class Answer:
    """A response, as `results.response` reads it."""

    status_code: int
    url: str = field(repr=False)
    headers: Headers = field(repr=False)
    content: bytes = field(repr=False)
    judged: Any
    history: list[Any] = field(default_factory=list)

    @property
    def verdict(self) -> rekindle.Verdict | None:
        return None if self.judged is None else self.judged.verdict

    @property
    def replay_refused(self) -> str | None:
        return None if self.judged is None else self.judged.replay_refused


class _Adapted:
    """One session behind another client."""

    def __init__(self, session: rekindle.Session, base: str) -> None:
        self._session = session
        self._base = base

    async def request(self, method: str, url: str, streamed: bool, **given: Any) -> tuple[Any, bytes, Any]:
        given.setdefault("headers", {})
        if "json" in given:
            given["content"] = json.dumps(given.pop("json"), separators=(",", ":")).encode()
            given["headers"] = {"Content-Type": "application/json"} | given["headers"]
        try:
            answer = await self._send(method, self._base + url if url.startswith("/") else url, given)
        except rekindle.RekindleError as error:
            if error.response is not None:
                error.response = await self._told(error.response)
            raise
        return answer, answer.content, None

    async def graphql(self, query: str, variables: Any) -> Any:
        raise AssertionError("other clients have no such call")

    async def _send(self, method: str, url: str, given: dict[str, Any]) -> Answer:
        raise NotImplementedError

    async def _told(self, response: Any) -> Answer:
        raise NotImplementedError


class _Threads(_Adapted):
    async def call(self, name: str, *args: Any, **given: Any) -> Any:
        return await in_thread(lambda: getattr(self._session, name)(*args, **given))


class _Tasks(_Adapted):
    async def call(self, name: str, *args: Any, **given: Any) -> Any:
        return await getattr(rekindle.AsyncSession.of(self._session), name)(*args, **given)


class ThroughHttpx(_Threads):
    """`httpx.Client`."""

    def __init__(self, session: rekindle.Session, base: str) -> None:
        super().__init__(session, base)
        self._client = httpx.Client(auth=rekindle.httpx.Auth(session), follow_redirects=True, trust_env=False)

    async def _send(self, method: str, url: str, given: dict[str, Any]) -> Answer:
        if "pieces" in given:
            given["content"] = iter(given.pop("pieces"))
        try:
            return _by_httpx(await in_thread(lambda: self._client.request(method, url, **given)))
        except httpx.TransportError as lost:
            raise _ours(lost) from None

    async def _told(self, response: Any) -> Answer:
        return _by_httpx(response)

    async def close(self) -> None:
        self._client.close()


class ThroughAsyncHttpx(_Tasks):
    """`httpx.AsyncClient`."""

    def __init__(self, session: rekindle.Session, base: str) -> None:
        super().__init__(session, base)
        auth = rekindle.httpx.Auth(session)
        self._client = httpx.AsyncClient(auth=auth, follow_redirects=True, trust_env=False)

    async def _send(self, method: str, url: str, given: dict[str, Any]) -> Answer:
        if "pieces" in given:
            given["content"] = _each(given.pop("pieces"))
        try:
            return _by_httpx(await self._client.request(method, url, **given))
        except httpx.TransportError as lost:
            raise _ours(lost) from None

    async def _told(self, response: Any) -> Answer:
        return _by_httpx(response)

    async def close(self) -> None:
        await self._client.aclose()


class ThroughRequests(_Threads):
    """`requests.Session`."""

    def __init__(self, session: rekindle.Session, base: str) -> None:
        super().__init__(session, base)
        self._client = requests.Session()
        self._client.auth = rekindle.requests.Auth(session)
        self._client.trust_env = False
        self._client.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=_MANY))

    async def _send(self, method: str, url: str, given: dict[str, Any]) -> Answer:
        body = iter(given.pop("pieces")) if "pieces" in given else given.pop("content", None)
        try:
            return _by_requests(await in_thread(lambda: self._client.request(method, url, data=body, **given)))
        except requests.RequestException as lost:
            raise _ours(lost) from None

    async def _told(self, response: Any) -> Answer:
        return _by_requests(response)

    async def close(self) -> None:
        self._client.close()


class ThroughAiohttp(_Tasks):
    """`aiohttp.ClientSession`."""

    def __init__(self, session: rekindle.Session, base: str) -> None:
        super().__init__(session, base)
        self._client = aiohttp.ClientSession(
            middlewares=[rekindle.aiohttp.middleware(session)], connector=aiohttp.TCPConnector(limit=0)
        )

    async def _send(self, method: str, url: str, given: dict[str, Any]) -> Answer:
        body = _each(given.pop("pieces")) if "pieces" in given else given.pop("content", None)
        if "timeout" in given:
            given["timeout"] = aiohttp.ClientTimeout(given["timeout"])
        try:
            async with self._client.request(method, url, data=body, **given) as response:
                return await self._told(response)
        except aiohttp.ClientError as lost:
            raise _ours(lost) from None

    async def _told(self, response: Any) -> Answer:
        content = await response.read()
        pairs = [(name.lower(), value) for name, value in response.headers.items()]
        judged = getattr(response, "rekindle", None)
        return Answer(response.status, str(response.url), Headers(pairs), content, judged)

    async def close(self) -> None:
        await self._client.close()


def _by_httpx(response: Any) -> Answer:
    pairs = [(name.lower(), value) for name, value in response.headers.multi_items()]
    judged = response.extensions.get("rekindle")
    return Answer(response.status_code, str(response.url), Headers(pairs), response.content, judged)


def _by_requests(response: Any) -> Answer:
    pairs = [(name.lower(), value) for name, value in response.headers.items()]
    judged = getattr(response, "rekindle", None)
    return Answer(response.status_code, response.url, Headers(pairs), response.content, judged)


def _ours(error: Exception) -> Exception:
    """Errors of rekindle are those of the other client, too."""
    return error if isinstance(error, rekindle.RekindleError) else Lost(type(error).__name__)


async def _each(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


THROUGH: dict[str, Any] = {
    "httpx": ThroughHttpx,
    "httpx-async": ThroughAsyncHttpx,
    "requests": ThroughRequests,
    "aiohttp": ThroughAiohttp,
}

SYNC = ("Client", "httpx", "requests")
