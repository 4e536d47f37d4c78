"""How an async call waits: a future of its loop, settled from the native half's thread."""

from __future__ import annotations

import asyncio
from typing import Any, Callable

from . import _native


def _settle(future: asyncio.Future[Any], good: bool, answer: _native.Answer) -> None:
    if future.done():
        return
    if good:
        future.set_result(answer)
    else:
        future.set_exception(answer.take())


def _listen() -> None:
    """Called now and then by a thread that waits: whatever was raised for it is raised here."""


async def beside(call: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Runs a native call beside the loop. Cancelling it ends this wait; a refresh goes on."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    running = call(*args, **options, waiter=(loop, future, _settle))
    try:
        return (await future).take()
    finally:
        if not future.done() or future.cancelled():
            running.cancel()
