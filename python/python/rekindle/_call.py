"""What the adapters for other HTTP clients have in common. The core decides which headers to add and what follows a response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ._errors import RekindleError
from ._response import Verdict


@dataclass(frozen=True)
class Judged:
    """The verdict on a response, and why its request was not sent again."""

    verdict: Verdict
    replay_refused: str | None


Next = tuple[Any, Judged | None]
"""The headers to send the request again with, or the judgement; neither if the response was not about our token."""


def headers(call: Any, do: Callable[..., Any], timeout: float | None = None) -> Any:
    """The headers to add before the first send."""
    ready = call.headers_at_once()
    return do(call.headers, timeout) if ready is None else ready


async def aheaders(call: Any, do: Callable[..., Awaitable[Any]], timeout: float | None = None) -> Any:
    """Like `headers`, without blocking the loop."""
    ready = call.headers_at_once()
    return await do(call.headers, timeout) if ready is None else ready


def after(call: Any, do: Callable[..., Any], signed: bool | None, timeout: float | None = None) -> Next:
    """What to do after a response for which `call.accepted` returned `signed`."""
    return _next(do(call.answered, timeout)) if signed is None else _accepted(signed)


async def aafter(
    call: Any, do: Callable[..., Awaitable[Any]], signed: bool | None, timeout: float | None = None
) -> Next:
    """Like `after`, without blocking the loop."""
    return _next(await do(call.answered, timeout)) if signed is None else _accepted(signed)


def is_turned_away(judged: Judged | None) -> bool:
    """Whether the token was not accepted. A redirect with such a verdict leads to the login page."""
    return judged is not None and judged.verdict.name != "accepted"


def also(error: RekindleError, bases: Mapping[str, type[Exception]], **facts: Any) -> RekindleError:
    """The same error as a subclass of one of the other HTTP client's exceptions: the base for its kind, else that for `""`."""
    kind, base = type(error), bases.get(error.kind, bases[""])
    made: Any = _ALSO.get((kind, base))
    if made is None:

        def reduce(self: Any) -> Any:
            # `pickle` cannot find a class that was made at runtime.
            again, (_, *rest) = kind.__reduce__(self)
            return again, (kind, *rest)

        named = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__reduce__": reduce}
        made = _ALSO.setdefault((kind, base), type(kind.__name__, (kind, base), named))
    # Among the built-in bases only OSError has a different memory layout.
    told: Any = OSError.__new__(made) if issubclass(made, OSError) else Exception.__new__(made)
    told.__dict__.update(error.__dict__)
    told.args, told.__cause__ = error.args, error.__cause__
    for name, value in facts.items():
        setattr(told, name, value)
    found: RekindleError = told
    return found


_ALSO: dict[tuple[type, type], type] = {}


_ACCEPTED = Judged(Verdict("accepted"), None)


def _accepted(signed: bool) -> Next:
    return None, _ACCEPTED if signed else None


def _next(answered: Any) -> Next:
    again, told = answered
    if told is None:
        return again, None
    verdict, replay_refused = told
    return again, Judged(Verdict(**verdict), replay_refused)
