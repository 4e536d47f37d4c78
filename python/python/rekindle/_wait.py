"""How an async call waits: on a future of its loop that is completed from a thread of the native module."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any, Callable

from . import _native


_QUEUES: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _native.CompletionQueue] = weakref.WeakKeyDictionary()


def _listen() -> None:
    """Called periodically by a waiting thread, so that pending signals raise their exceptions here."""


async def wait_for(call: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Runs a native call without blocking the loop. Cancelling it ends this wait, but not a refresh."""
    loop = asyncio.get_running_loop()
    queue = _QUEUES.get(loop)
    if queue is None:
        queue = _QUEUES.setdefault(loop, _native.CompletionQueue(weakref.ref(loop)))
        queue.listen(loop)
    future: asyncio.Future[Any] = loop.create_future()
    running = call(*args, **options, waiter=(queue, future))
    try:
        return (await future).take()
    finally:
        if not future.done() or future.cancelled():
            running.cancel()
