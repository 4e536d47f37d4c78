"""How an async call waits: a future of its loop, settled from the native half's thread."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any, Callable

from . import _native


_MAILBOXES: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _native.Mailbox] = weakref.WeakKeyDictionary()


def _listen() -> None:
    """Called now and then by a thread that waits: whatever was raised for it is raised here."""


async def beside(call: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Runs a native call beside the loop. Cancelling it ends this wait; a refresh goes on."""
    loop = asyncio.get_running_loop()
    mailbox = _MAILBOXES.get(loop)
    if mailbox is None:
        mailbox = _MAILBOXES.setdefault(loop, _native.Mailbox(weakref.ref(loop)))
        mailbox.listen(loop)
    future: asyncio.Future[Any] = loop.create_future()
    running = call(*args, **options, waiter=(mailbox, future))
    try:
        return (await future).take()
    finally:
        if not future.done() or future.cancelled():
            running.cancel()
