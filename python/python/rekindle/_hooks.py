"""Event hooks: functions that are called before each request of a client, and after its response."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from . import _native
from ._errors import InvalidConfig

EventHooks: TypeAlias = "Mapping[str, Iterable[Callable[[Any], object]]]"


@dataclass(frozen=True)
class SentRequest:
    """A request that is about to be sent, without secrets."""

    method: str
    url: str
    """The URL, without its query."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The headers of the request and the client; values that may be a credential are `***`."""


class Hooks:
    """The hooks of one client, called in order. An exception that one raises is passed to the caller of the request."""

    def __init__(self, given: object) -> None:
        if not isinstance(given, Mapping) or not set(given) <= {"request", "response"}:
            raise InvalidConfig("event_hooks must be a mapping with request, response or both, each a list of functions")
        self._request, self._response = (_functions(given.get(name, ())) for name in ("request", "response"))

    def sending(self, method: str, url: str, headers: list[tuple[str, str]]) -> None:
        """Called before a request of the sync client."""
        for hook in self._request:
            _no_coroutine(hook(_sent(method, url, headers)))

    def answered(self, response: Any) -> None:
        """Called after the response of the sync client."""
        for hook in self._response:
            _no_coroutine(hook(response))

    async def asending(self, method: str, url: str, headers: list[tuple[str, str]]) -> None:
        """Called before a request of the async client; a hook may be async."""
        for hook in self._request:
            await _done(hook(_sent(method, url, headers)))

    async def aanswered(self, response: Any) -> None:
        """Called after the response of the async client; a hook may be async."""
        for hook in self._response:
            await _done(hook(response))


def hooks_of(given: object) -> Hooks | None:
    """The hooks, or `None` without any, so that requests of such a client have no overhead."""
    return None if given is None else Hooks(given)


def _functions(given: Any) -> tuple[Callable[[Any], object], ...]:
    if callable(given) or isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise InvalidConfig("event_hooks must hold lists of functions")
    found = tuple(given)
    if not all(callable(one) for one in found):
        raise InvalidConfig("event_hooks must hold lists of functions")
    return found


def _sent(method: str, url: str, headers: list[tuple[str, str]]) -> SentRequest:
    parts = urlsplit(url)
    place = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    shown = {name.lower(): value if _native.travels(name) else "***" for name, value in headers}
    return SentRequest(method, place, shown)


def _no_coroutine(given: object) -> None:
    if inspect.iscoroutine(given):
        given.close()
        raise InvalidConfig("event_hooks of a Client must not be async: use AsyncClient")


async def _done(given: Any) -> None:
    if inspect.isawaitable(given):
        await given
