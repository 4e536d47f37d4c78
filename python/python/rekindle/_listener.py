"""The listeners of events: the user's function, and Python's `logging`."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

from . import _native
from ._errors import InvalidConfig
from ._events import Event

_LOG = logging.getLogger("rekindle.events")

_WARNINGS = frozenset({"RefreshFailed", "RefreshLimited", "LoginRequired", "Unpersisted", "Warned"})
_DETAILS = frozenset({"RefreshStarted", "Replayed", "Retried", "Persisted", "Renewed", "ExtraChanged"})


def of_session(on_event: Any) -> Callable[[dict[str, Any]], object] | None:
    """The listener of a session without an app."""
    told = _told(on_event)
    return None if told is None else lambda facts: told("default", Event(facts), False)


def of_app(on_event: Any) -> Callable[[str, dict[str, Any]], object] | None:
    """The listener of an app, which also gets the session's key."""
    told = _told(on_event)
    return None if told is None else lambda key, facts: told(key, Event(facts), True)


def _told(on_event: Any) -> Callable[[str, Event, bool], object] | None:
    if on_event is not None and not callable(on_event):
        raise InvalidConfig(f"on_event must be callable, and {type(on_event).__name__} is not")
    # Without a function and with logging disabled there is no listener, and events cost nothing.
    logs = _LOG.isEnabledFor(logging.INFO)
    if on_event is None and not logs:
        return None

    def tell(key: str, event: Event, keyed: bool) -> None:
        if logs:
            _log(key, event)
        if on_event is not None:
            _call(on_event, (key, event) if keyed else (event,), event)

    return tell


def _log(key: str, event: Event) -> None:
    level = logging.WARNING if event.name in _WARNINGS else logging.DEBUG if event.name in _DETAILS else logging.INFO
    if _LOG.isEnabledFor(level):
        details = "".join(f" {name}={value}" for name, value in event.details.items() if value is not None)
        _LOG.log(level, "%s session=%s generation=%d%s", event.name, key, event.generation, details)


def _call(on_event: Callable[..., object], args: tuple[object, ...], event: Event) -> None:
    """Calls the user's function. Its exceptions are logged with the traceback, redacted because the texts may contain tokens."""
    try:
        on_event(*args)
    except Exception as error:
        error = error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
        text = "".join(traceback.TracebackException.from_exception(error).format())
        shown = "\n".join(_native.redact(line, []) for line in text.splitlines())
        _LOG.error("on_event raised %s at %s\n%s", type(error).__name__, event.name, shown)
