"""Calls what users wrote: stores and refresh functions, sync or async, from the engine's threads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import inspect
import threading
import weakref
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from ._credential import Credential
from ._errors import LoginRequired, Misuse, RekindleError
from ._store import Expected

_inside: contextvars.ContextVar[object] = contextvars.ContextVar("rekindle_inside", default=None)


def guard(owner: object) -> None:
    """Refuses a call that would wait for itself (rule 4.8)."""
    if _inside.get() is owner:
        raise Misuse(
            "a store or refresh function called the session that it serves: that would wait for itself; "
            "use a plain HTTP client there"
        )


class Host:
    """On whose behalf callbacks run, and on which loop."""

    def __init__(self) -> None:
        self._loop: weakref.ref[asyncio.AbstractEventLoop] | None = None

    def see(self, loop: asyncio.AbstractEventLoop) -> None:
        """The loop of the last async call: async callbacks run there."""
        if self._loop is None or self._loop() is not loop:
            self._loop = weakref.ref(loop)

    def forget_loop(self) -> None:
        """In a forked child: nobody runs the parent's loop there, though it says that it is running."""
        self._loop = None

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Calls it, and waits for what it gives if that can be awaited."""
        return contextvars.copy_context().run(self._call, function, args)

    def _call(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        _inside.set(self)
        given = function(*args)
        return self._wait(given) if inspect.isawaitable(given) else given

    def _wait(self, awaitable: Any) -> Any:
        async def awaited() -> Any:
            return await awaitable

        loop = self._loop() if self._loop is not None else None
        if loop is None or not loop.is_running() or _is_of_this_thread(loop):
            return asyncio.run(awaited())
        return _on(loop, awaited())


def _is_of_this_thread(loop: asyncio.AbstractEventLoop) -> bool:
    return getattr(loop, "_thread_id", None) == threading.get_ident()


def _on(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]) -> Any:
    try:
        running = asyncio.run_coroutine_threadsafe(work, loop)
    except RuntimeError:
        work.close()
        raise
    while True:
        try:
            return running.result(timeout=0.2)
        except concurrent.futures.TimeoutError:
            if running.done():
                raise
            if loop.is_closed():
                raise RuntimeError("the event loop was closed before the callback ended") from None


_Said = tuple[str, bytes | None, str | None]


class StoreHost:
    """A store of the user's, as the native half wants it."""

    def __init__(self, host: Host, store: Any) -> None:
        self._host = host
        self._store = store

    def load(self) -> _Said:
        """What is there, or why nobody can tell."""
        try:
            found = self._host.call(self._store.load)
        except Exception as error:
            return _unavailable(error)
        if found is None:
            return ("absent", None, None)
        match found:
            case (bytes() | bytearray() as record, str() as version):
                return ("present", bytes(record), version)
            case _:
                return ("unavailable", None, f"the store's load gave a {_kind(found)}, not (bytes, str) or None")

    def save(self, record: bytes, how: str, version: str | None) -> _Said:
        """What came of it."""
        expected = version if how == "version" else Expected(how)
        try:
            saved = self._host.call(self._store.save, record, expected)
        except Exception as error:
            return _unavailable(error)
        if saved is None:
            return ("conflict", None, None)
        if isinstance(saved, str):
            return ("saved", None, saved)
        return ("unavailable", None, f"the store's save gave a {_kind(saved)}, not a version (str) or None")


def _unavailable(error: Exception) -> _Said:
    # Another's text could quote the record.
    text = error.message if isinstance(error, RekindleError) else f"the store raised {_kind(error)}"
    return ("unavailable", None, text)


class RefreshHost:
    """A refresh function of the user's, as the native half wants it."""

    def __init__(self, host: Host, function: Callable[..., Any], spend: Callable[..., Any]) -> None:
        self._host = host
        self._function = function
        self._spend = spend

    def refresh(self, refresh_token: str, scope: str | None, extra: dict[str, str]) -> tuple[Any, ...]:
        """The grant, or what went wrong."""
        try:
            given = self._host.call(self._function, self._spend(refresh_token, scope, extra))
            return _grant(given)
        except LoginRequired:
            return _failed("login_required", "")
        except OSError as error:
            # Whatever broke on the way may have arrived.
            return _failed("answer_lost", _kind(error))
        except Exception as error:
            text = error.message if isinstance(error, RekindleError) else f"refresh_with raised {_kind(error)}"
            return _failed("try_later", text)


def _grant(given: Any) -> tuple[Any, ...]:
    credential = Credential.from_dict(given) if isinstance(given, Mapping) else given
    if not isinstance(credential, Credential) or not credential.access_token:
        return _failed("answer_lost", "no access token")
    access, refresh, lifetime, _, scope, token_type, _ = credential._plain()
    return ("granted", "", access, refresh, lifetime, scope, token_type)


def _failed(outcome: str, text: str) -> tuple[Any, ...]:
    return (outcome, text, None, None, None, None, None)


def _kind(value: object) -> str:
    return type(value).__name__
