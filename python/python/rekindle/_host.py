"""Calls what users wrote: stores and refresh functions, sync or async, from the engine's threads."""

from __future__ import annotations

import contextvars
import inspect
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from ._credential import Credential
from ._errors import LoginRequired, Misuse, RekindleError
from ._loops import Loops
from ._store import Expected

_LOG = logging.getLogger("rekindle")

_inside: contextvars.ContextVar[object] = contextvars.ContextVar("rekindle_inside", default=None)


def outside() -> bool:
    """Whether no callback of a user's is running here."""
    return _inside.get() is None


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


class RefreshHost:
    """A refresh function of the user's, as the native half wants it."""

    def __init__(self, host: Host, function: Callable[..., Any], spend: Callable[..., Any]) -> None:
        self._host = host
        self._function = function
        self._spend = spend

    def refresh(self, refresh_token: str, scope: str | None, extra: dict[str, str]) -> tuple[Any, ...]:
        """The grant, or what went wrong."""
        try:
            given = self._host.call(self._function, self._spend(refresh_token, scope, extra))
            return _grant(given)
        except LoginRequired:
            return _failed("login_required", "")
        except OSError as error:
            # Whatever broke on the way may have arrived.
            return _failed("answer_lost", _kind(error))
        except Exception as error:
            text = error.message if isinstance(error, RekindleError) else f"refresh_with raised {_kind(error)}"
            return _failed("try_later", text)


def _grant(given: Any) -> tuple[Any, ...]:
    facts = given.to_dict() if isinstance(given, Credential) else given
    if not isinstance(facts, Mapping):
        return _nonsense(f"gave a {_kind(given)}, not a rekindle.Credential or a dict")
    names = ("access_token", "refresh_token", "scope", "token_type")
    wrong = [name for name in names if not isinstance(facts.get(name), (str, type(None)))]
    if wrong:
        return _nonsense(f"gave a {_kind(facts[wrong[0]])} as {wrong[0]}, not text")
    if not facts.get("access_token"):
        return _nonsense("gave no access_token")
    access, refresh, scope, token_type = (facts.get(name) for name in names)
    return ("granted", "", access, refresh or None, _lifetime(facts), scope, token_type)


def _lifetime(facts: Mapping[str, Any]) -> float | None:
    """What makes no sense is unknown, as in a token endpoint's answer: the grant is worth more."""
    try:
        left = facts.get("expires_in")
        if left is None and facts.get("expires_at") is not None:
            left = float(facts["expires_at"]) - time.time()
        return float(left) if left is not None and 0 < float(left) < 1e10 else None
    except (TypeError, ValueError):
        return None


def _nonsense(what: str) -> tuple[Any, ...]:
    # The refresh token may be spent: the engine must not take it for unused.
    _LOG.warning("refresh_with %s", what)
    return _failed("answer_lost", what)


def _failed(outcome: str, text: str) -> tuple[Any, ...]:
    return (outcome, text, None, None, None, None, None)


def _kind(value: object) -> str:
    return type(value).__name__
