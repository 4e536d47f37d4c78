"""The two clients behind one face: what a case does, done by threads or by tasks."""

from __future__ import annotations

import asyncio
import ctypes
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

import rekindle


_MOST = 5.0
"""Seconds that a call takes at most to hear of its end."""


class Port(Protocol):
    """Calls of a session and its client; each may be cancelled."""

    async def request(self, method: str, url: str, streamed: bool, **given: Any) -> tuple[Any, bytes, Any]: ...
    async def graphql(self, query: str, variables: Any) -> Any: ...
    async def call(self, name: str, *args: Any, **given: Any) -> Any: ...
    async def close(self) -> None: ...


class Cancelled(BaseException):
    """What a thread hears whose lane is cancelled."""


class Threads:
    """`Client`: each call has a thread of its own."""

    def __init__(self, session: rekindle.Session, client: rekindle.Client) -> None:
        self._session = session
        self._client = client

    async def request(self, method: str, url: str, streamed: bool, **given: Any) -> tuple[Any, bytes, Any]:
        answered: tuple[Any, bytes, Any] = await in_thread(lambda: self._request(method, url, streamed, given))
        return answered

    def _request(self, method: str, url: str, streamed: bool, given: dict[str, Any]) -> tuple[Any, bytes, Any]:
        if "pieces" in given:
            given["content"] = iter(given.pop("pieces"))
        if not streamed:
            response = self._client.request(method, url, **given)
            return response, response.content, None
        with self._client.stream(method, url, **given) as response:
            body = b""
            try:
                for chunk in response.iter_bytes():
                    body += chunk
            except rekindle.RekindleError as error:
                return response, body, error
        return response, body, None

    async def graphql(self, query: str, variables: Any) -> Any:
        return await in_thread(lambda: self._client.graphql(query, variables))

    async def call(self, name: str, *args: Any, **given: Any) -> Any:
        return await in_thread(lambda: getattr(self._session, name)(*args, **given))

    async def close(self) -> None:
        self._client.close()


class Tasks:
    """`AsyncClient`: all on the loop."""

    def __init__(self, session: rekindle.Session, client: rekindle.AsyncClient) -> None:
        self._session = session
        self._client = client

    async def request(self, method: str, url: str, streamed: bool, **given: Any) -> tuple[Any, bytes, Any]:
        if "pieces" in given:
            given["content"] = _each(given.pop("pieces"))
        if not streamed:
            response = await self._client.request(method, url, **given)
            return response, response.content, None
        async with self._client.stream(method, url, **given) as response:
            body = b""
            try:
                async for chunk in response.aiter_bytes():
                    body += chunk
            except rekindle.RekindleError as error:
                return response, body, error
        return response, body, None

    async def graphql(self, query: str, variables: Any) -> Any:
        return await self._client.graphql(query, variables)

    async def call(self, name: str, *args: Any, **given: Any) -> Any:
        return await getattr(rekindle.AsyncSession.of(self._session), name)(*args, **given)

    async def close(self) -> None:
        await self._client.aclose()


async def _each(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def in_thread(call: Callable[[], Any]) -> Any:
    """Cancelling it raises in the thread, as a timeout of threads or a debugger would."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

    def run() -> None:
        try:
            result: tuple[Any, BaseException | None] = (call(), None)
        except BaseException as error:
            result = (None, error)
        try:
            loop.call_soon_threadsafe(ended.set_result, result)
        except RuntimeError:
            pass

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        value, error = await asyncio.shield(ended)
    except asyncio.CancelledError:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Cancelled))
        _, error = await asyncio.wait_for(asyncio.shield(ended), _MOST)
        assert isinstance(error, Cancelled), error
        raise
    if error is not None:
        raise error
    return value
