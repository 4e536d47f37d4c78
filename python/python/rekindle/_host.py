"""Calls the user's stores, refresh functions and login handlers, sync or async, from the engine's threads."""

from __future__ import annotations

import contextvars
import inspect
from collections.abc import Callable
from typing import Any, Protocol

from ._errors import Misuse, RekindleError
from ._loops import Loops
from ._store import Expected

_inside: contextvars.ContextVar[object] = contextvars.ContextVar("rekindle_inside", default=None)


_logins: contextvars.ContextVar[frozenset[int]] = contextvars.ContextVar("rekindle_logins", default=frozenset())
"""The states for which a login handler is running here: their sessions may sign in, but must not be asked for a token."""


class _Native(Protocol):
    def state_id(self) -> int: ...


def outside() -> bool:
    """Whether no callback of the user is running here."""
    return _inside.get() is None and not _logins.get()


def guard_login(native: _Native) -> None:
    """Raises Misuse if a login handler asks the session that it signs in for a token (rule 12.13)."""
    logins = _logins.get()
    if logins and native.state_id() in logins:
        raise Misuse(
            "the login handler asked the session that it signs in for a token: that would wait for itself; sign in first"
        )


def signing_in(native: _Native, call: Callable[[], object]) -> object:
    """Runs a login handler for a session."""

    def marked() -> object:
        _logins.set(_logins.get() | {native.state_id()})
        return call()

    return contextvars.copy_context().run(marked)


def guard(owner: object) -> None:
    """Raises Misuse if a call would wait for itself (rule 4.8)."""
    if _inside.get() is owner:
        raise Misuse(
            "a store or refresh function called the session that it serves: that would wait for itself; "
            "use a plain HTTP client there"
        )


class Host:
    """Runs the callbacks of one app or session: marks the context that they run in, and selects their event loop."""

    def __init__(self) -> None:
        self.loops = Loops()

    def forget_loop(self) -> None:
        """Called in a forked child, where the parent's loop claims to be running although no thread runs it."""
        self.loops = Loops()

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Calls the function, and waits for its result if that is awaitable."""
        return contextvars.copy_context().run(self._call, function, args)

    def _call(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        _inside.set(self)
        given = function(*args)
        return self.loops.run(given) if inspect.isawaitable(given) else given


class StoreHost:
    """Wraps a user's store for the native module."""

    def __init__(self, host: Host, store: Any) -> None:
        self._host = host
        self._store = store

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """The store's answer; an exception means that the store is unavailable."""
        try:
            return self._answer(question["effect"], question["key"], question)
        except Exception as error:
            # The text of any other exception could quote the record.
            text = error.message if isinstance(error, RekindleError) else f"the store raised {_kind(error)}"
            return {"unavailable": text}

    def _answer(self, task: str, key: str, question: dict[str, Any]) -> dict[str, Any]:
        call, store = self._host.call, self._store
        if task == "load":
            return _found(call(store.load, key))
        if task == "save":
            return _saved(call(store.save, key, question["record"].encode(), _expected(question["expected"])))
        if task == "changed":
            call(store.changed, key)
            return {}
        if task == "now":
            return {"now_ms": 1000 * float(call(store.now))}
        told = call(getattr(store, task), key, question["owner"])
        return {"owner": "unknown" if told is None else "alive" if told else "dead"}


def _found(found: object) -> dict[str, Any]:
    match found:
        case None:
            return {}
        case (bytes() | bytearray() as record, str() as version):
            return {"record": bytes(record), "version": version}
        case _:
            return {"unavailable": f"the store's load gave a {_kind(found)}, not (bytes, str) or None"}


def _saved(saved: object) -> dict[str, Any]:
    if saved is None:
        return {"conflict": True}
    if isinstance(saved, str):
        return {"version": saved}
    return {"unavailable": f"the store's save gave a {_kind(saved)}, not a version (str) or None"}


def _expected(given: dict[str, Any]) -> str | Expected:
    version: str | None = given.get("version")
    return version if version is not None else Expected(next(iter(given)))


def _kind(value: object) -> str:
    return type(value).__name__
