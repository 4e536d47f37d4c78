"""Calls what users wrote: stores and refresh functions, sync or async, from the engine's threads."""

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
"""The states that are being signed in here: their sessions may sign in, and not be asked for a token."""


class _Native(Protocol):
    def state_id(self) -> int: ...


def outside() -> bool:
    """Whether no callback of a user's is running here."""
    return _inside.get() is None and not _logins.get()


def guard_login(native: _Native) -> None:
    """Refuses a login handler's call for a token of the session that it signs in (rule 12.13)."""
    logins = _logins.get()
    if logins and native.state_id() in logins:
        raise Misuse(
            "the login handler asked the session that it signs in for a token: that would wait for itself; sign in first"
        )


def signing_in(native: _Native, call: Callable[[], object]) -> object:
    """Runs a login handler for that session."""

    def marked() -> object:
        _logins.set(_logins.get() | {native.state_id()})
        return call()

    return contextvars.copy_context().run(marked)


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
        self.loops = Loops()

    def forget_loop(self) -> None:
        """In a forked child: nobody runs the parent's loop there, though it says that it is running."""
        self.loops = Loops()

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Calls it, and waits for what it gives if that can be awaited."""
        return contextvars.copy_context().run(self._call, function, args)

    def _call(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        _inside.set(self)
        given = function(*args)
        return self.loops.run(given) if inspect.isawaitable(given) else given


_Said = tuple[str, bytes | None, str | None]


class StoreHost:
    """A store of the user's, as the native half wants it."""

    def __init__(self, host: Host, store: Any) -> None:
        self._host = host
        self._store = store

    def load(self, key: str) -> _Said:
        """What is there, or why nobody can tell."""
        try:
            found = self._host.call(self._store.load, key)
        except Exception as error:
            return _unavailable(error)
        if found is None:
            return ("absent", None, None)
        match found:
            case (bytes() | bytearray() as record, str() as version):
                return ("present", bytes(record), version)
            case _:
                return ("unavailable", None, f"the store's load gave a {_kind(found)}, not (bytes, str) or None")

    def save(self, key: str, record: bytes, how: str, version: str | None) -> _Said:
        """What came of it."""
        expected = version if how == "version" else Expected(how)
        try:
            saved = self._host.call(self._store.save, key, record, expected)
        except Exception as error:
            return _unavailable(error)
        if saved is None:
            return ("conflict", None, None)
        if isinstance(saved, str):
            return ("saved", None, saved)
        return ("unavailable", None, f"the store's save gave a {_kind(saved)}, not a version (str) or None")

    def announce(self, key: str, owner: str) -> _Said:
        """Best effort."""
        return self._told(self._store.announce, key, owner)

    def retire(self, key: str, owner: str) -> _Said:
        """Best effort."""
        return self._told(self._store.retire, key, owner)

    def owner(self, key: str, owner: str) -> _Said:
        """`alive`, `dead`, or whatever else: nobody knows."""
        return self._told(self._store.owner, key, owner)

    def changed(self, key: str) -> _Said:
        """Returns when the record may have changed."""
        try:
            self._host.call(self._store.changed, key)
        except Exception as error:
            return _unavailable(error)
        return ("changed", None, None)

    def now(self) -> float | None:
        """The store's clock, if it can be read."""
        try:
            return float(self._host.call(self._store.now))
        except Exception:
            return None

    def _told(self, call: Callable[[str, str], Any], key: str, owner: str) -> _Said:
        try:
            told = self._host.call(call, key, owner)
        except Exception as error:
            return _unavailable(error)
        return ("unknown" if told is None else "alive" if told else "dead", None, None)


def _unavailable(error: Exception) -> _Said:
    # Another's text could quote the record.
    text = error.message if isinstance(error, RekindleError) else f"the store raised {_kind(error)}"
    return ("unavailable", None, text)


def _kind(value: object) -> str:
    return type(value).__name__
