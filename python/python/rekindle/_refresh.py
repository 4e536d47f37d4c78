"""Refresh functions of the user: their input, their results, and how their exceptions are interpreted (rule 5.19)."""

from __future__ import annotations

import inspect
import logging
import time
import traceback
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import _native
from ._credential import Credential
from ._errors import InvalidConfig, LoginRequired
from ._times import epoch

_LOG = logging.getLogger("rekindle")

_SHAPE = 'return a rekindle.Credential, or a dict such as {"access_token": "..", "refresh_token": "..", "expires_in": 900}'


@dataclass(frozen=True)
class RefreshInput:
    """The input of a refresh function. It must not send the refresh token twice; `refresh_token` is `None` if there is none."""

    refresh_token: str | None = field(repr=False)
    scope: str | None
    extra: Mapping[str, str] = field(repr=False)

    def __reduce__(self) -> Any:
        raise TypeError("a RefreshInput holds a refresh token and is not pickled: take its .refresh_token")


class RefreshNotSent(Exception):
    """Raised by a refresh function that sent nothing: the refresh token is unused, and the refresh is tried again later.

    After any other exception the refresh token counts as possibly used. The text appears in errors: put no secrets in it.

    >>> def refresh(given: rekindle.RefreshInput) -> rekindle.Credential:
    ...     raise rekindle.RefreshNotSent("the service is not configured yet")
    """


class RefreshHost:
    """Wraps a user's refresh function for the native module."""

    def __init__(self, call: Callable[..., Any], function: Callable[..., Any]) -> None:
        self._call = call
        self._function = function

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Returns the tokens, or the error."""
        refresh_token = question["refresh_token"]
        try:
            given = self._call(self._function, RefreshInput(refresh_token, question["scope"], question["extra"]))
        except LoginRequired as error:
            return _failed("login_required", None, error)
        except RefreshNotSent as error:
            return _failed("not_sent", str(error) or "the refresh function sent nothing", error)
        except BaseException as error:
            what = f"the refresh function raised {_kind(error)}"
            _log(what, error, refresh_token)
            return _failed("maybe_sent", what, error)
        return _returned(given)


def _returned(given: Any) -> dict[str, Any]:
    facts = given.to_dict() if isinstance(given, Credential) else given
    if inspect.iscoroutine(facts):
        facts.close()
        return _nonsense("returned a coroutine that nobody awaited: await it there")
    if not isinstance(facts, Mapping):
        return _nonsense(f"returned {_named(facts)}")
    names = ("access_token", "refresh_token", "scope", "token_type")
    wrong = [name for name in names if not isinstance(facts.get(name), (str, type(None)))]
    # A result with only a refresh token is accepted: the next refresh needs it.
    if wrong and not isinstance(facts.get("refresh_token"), str):
        return _nonsense(f"returned {_named(facts[wrong[0]])} as {wrong[0]}, not text")
    if not facts.get("access_token") and not facts.get("refresh_token"):
        return _nonsense(f"returned {_named(given)} without access_token")
    texts = {name: facts[name] for name in names if isinstance(facts.get(name), str)}
    return {"tokens": {**texts, "expires_in": _expires_in(facts)}}


def _expires_in(facts: Mapping[str, Any]) -> float | None:
    """An invalid lifetime counts as unknown, as in a token endpoint's response: it is no reason to lose the tokens."""
    try:
        left = facts.get("expires_in")
        if left is None and facts.get("expires_at") is not None:
            at = epoch("expires_at", facts["expires_at"])
            left = None if at is None else at - time.time()
        return None if left is None else float(left)
    except (TypeError, ValueError, InvalidConfig):
        return None


def _nonsense(what: str) -> dict[str, Any]:
    _LOG.error("the refresh function %s; the refresh token may have been spent", what)
    return {"error": "maybe_sent", "message": f"the refresh function {what} ({_SHAPE})"}


def _failed(error: str, text: str | None, raised: BaseException) -> dict[str, Any]:
    return {"error": error, "message": text, "raised": (_kind(raised), _without_our_frames(raised))}


def _log(what: str, error: BaseException, refresh_token: str | None) -> None:
    """Logs the error with its traceback, redacted because exception texts may contain tokens."""
    _without_our_frames(error)
    known = [refresh_token] if refresh_token else []
    text = "".join(traceback.TracebackException.from_exception(error).format())
    shown = "\n".join(_native.redact(line, known) for line in text.splitlines())
    _LOG.error("%s; the refresh token may have been spent\n%s", what, shown)


def _without_our_frames(error: BaseException) -> BaseException:
    """Removes our frames from the traceback: error reporters show the locals of every frame, and ours hold the refresh token."""
    frames = []
    at = error.__traceback__
    while at is not None:
        if not at.tb_frame.f_globals.get("__name__", "").startswith("rekindle."):
            frames.append(at)
        at = at.tb_next
    kept = None
    for frame in reversed(frames):
        kept = types.TracebackType(kept, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return error.with_traceback(kept)


def _named(value: object) -> str:
    if value is None:
        return "None"
    name = _kind(value)
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _kind(value: object) -> str:
    return type(value).__name__
