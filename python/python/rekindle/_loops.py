"""Selects the event loop for the user's coroutines: the loop that made the call, else a private one."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import os
import threading
import weakref
from collections.abc import Coroutine
from typing import Any

from ._errors import StoreUnavailable

_LOOK_AGAIN = 0.2


class Loops:
    """The event loop of the last async call. If it has stopped, no coroutine is run elsewhere: its objects, such as a pool of
    connections, belong to that loop."""

    def __init__(self) -> None:
        self._seen: weakref.ref[asyncio.AbstractEventLoop] | None = None

    def see(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called at each async call."""
        if self._seen is None or self._seen() is not loop:
            self._seen = weakref.ref(loop)

    def none_seen(self) -> bool:
        """Whether there was no async call so far."""
        return self._seen is None

    def forget_closed(self) -> None:
        """Called at each sync call: if the loop has been closed, coroutines run on the private one from now on."""
        if self._seen is not None:
            loop = self._seen()
            if loop is None or loop.is_closed():
                self._seen = None

    def end(self) -> None:
        """Called at the end of the process: a loop that is not running will not run again."""
        loop = None if self._seen is None else self._seen()
        if loop is None or not loop.is_running():
            self._seen = None

    def run(self, given: Any) -> Any:
        """Waits for an awaitable to complete; called from a thread of the engine."""
        if self._seen is None:
            return _await_on(_private(), given)
        loop = self._seen()
        if loop is None or not loop.is_running():
            _give_up(given)
            raise StoreUnavailable("the event loop that it belongs to has ended; the next one goes on")
        return _await_on(loop, given)


def _await_on(loop: asyncio.AbstractEventLoop, given: Any) -> Any:
    try:
        return wait_on(loop, _awaited(given))
    except RuntimeError:
        # The loop may have been closed before the coroutine started.
        _give_up(given)
        raise


def _give_up(given: Any) -> None:
    """Closes a coroutine that was never started, which Python would otherwise warn about."""
    if inspect.iscoroutine(given) and inspect.getcoroutinestate(given) == inspect.CORO_CREATED:
        given.close()


async def _awaited(given: Any) -> Any:
    return await given


def wait_on(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]) -> Any:
    """The result of the coroutine; raises if the loop is closed before it completes."""
    try:
        running = asyncio.run_coroutine_threadsafe(work, loop)
    except RuntimeError:
        work.close()
        raise
    while True:
        try:
            return running.result(timeout=_LOOK_AGAIN)
        except concurrent.futures.TimeoutError:
            if running.done():
                raise
            if loop.is_closed():
                _give_up(work)
                raise RuntimeError("the event loop was closed before this ended") from None


_LOCK = threading.Lock()


def _forget() -> None:
    global _LOCK
    _LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

_PRIVATE: list[tuple[int, asyncio.AbstractEventLoop]] = []


def _private() -> asyncio.AbstractEventLoop:
    """One private loop for all callbacks, so that a store's open connections stay usable. A forked child makes its own."""
    with _LOCK:
        if not _PRIVATE or _PRIVATE[0][0] != os.getpid():
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="rekindle-callbacks", daemon=True).start()
            _PRIVATE[:] = [(os.getpid(), loop)]
        return _PRIVATE[0][1]
