"""What the adapters for other HTTP clients have in common; what a request does and what follows is the core's to say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Judged:
    """What a response says about the session's token, and why its request was not sent again."""

    verdict: str
    replay_refused: str | None


Next = tuple[Any, Judged | None]
"""The headers to send the request again with, or what the response says; neither where our token was not asked."""


def headers(call: Any, do: Callable[..., Any]) -> Any:
    """Those to add before the first send."""
    ready = call.headers_at_once()
    return do(call.headers) if ready is None else ready


async def aheaders(call: Any, do: Callable[..., Awaitable[Any]]) -> Any:
    """As `headers`, without blocking the loop."""
    ready = call.headers_at_once()
    return await do(call.headers) if ready is None else ready


def after(call: Any, do: Callable[..., Any], signed: bool | None) -> Next:
    """What follows the response that `call.accepted` was told of, and gave `signed`."""
    return _next(do(call.answered)) if signed is None else _accepted(signed)


async def aafter(call: Any, do: Callable[..., Awaitable[Any]], signed: bool | None) -> Next:
    """As `after`, without blocking the loop."""
    return _next(await do(call.answered)) if signed is None else _accepted(signed)


def _accepted(signed: bool) -> Next:
    return None, Judged("accepted", None) if signed else None


def _next(answered: Any) -> Next:
    again, told = answered
    return again, None if told is None else Judged(*told)
