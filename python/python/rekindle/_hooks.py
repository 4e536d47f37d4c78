"""Functions that see each call of a client before it goes out, and its answer."""

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
    """A call that is about to go out; nothing in it is a secret."""

    method: str
    url: str
    """Where it goes, without its query."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Those that the caller and the client give; `***` where the value may be a credential."""


class Hooks:
    """Those of one client, in order. What one raises, the caller of the request gets."""

    def __init__(self, given: object) -> None:
        if not isinstance(given, Mapping) or not set(given) <= {"request", "response"}:
            raise InvalidConfig("event_hooks must be a mapping with request, response or both, each a list of functions")
        self._request, self._response = (_functions(given.get(name, ())) for name in ("request", "response"))

    def sending(self, method: str, url: str, headers: list[tuple[str, str]]) -> None:
        """Before a call of the sync client."""
        for hook in self._request:
            _no_coroutine(hook(_sent(method, url, headers)))

    def answered(self, response: Any) -> None:
        """After it."""
        for hook in self._response:
            _no_coroutine(hook(response))

    async def asending(self, method: str, url: str, headers: list[tuple[str, str]]) -> None:
        """Before a call of the async client; a hook may be async."""
        for hook in self._request:
            await _done(hook(_sent(method, url, headers)))

    async def aanswered(self, response: Any) -> None:
        """After it."""
        for hook in self._response:
            await _done(hook(response))


def hooks_of(given: object) -> Hooks | None:
    """`None` for most clients, whose calls cost nothing more then."""
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
