"""Keeps tokens out of tracebacks: error reporters show the locals of every frame."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


def redact_traceback(call: Callable[_P, _T]) -> Callable[_P, _T]:
    """For a function whose arguments contain secrets: the tracebacks of its exceptions show neither them nor its frames."""

    @functools.wraps(call)
    def outer(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return call(*args, **kwargs)
        except BaseException as error:
            raised = _bare(error)
        # Emptied because this frame is in the traceback.
        args, kwargs = (), {}  # type: ignore[assignment]
        try:
            raise raised
        finally:
            del raised

    return outer


def aredact_traceback(call: Callable[_P, Awaitable[_T]]) -> Callable[_P, Awaitable[_T]]:
    """The same for a coroutine function."""

    @functools.wraps(call)
    async def outer(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return await call(*args, **kwargs)
        except BaseException as error:
            raised = _bare(error)
        args, kwargs = (), {}  # type: ignore[assignment]
        try:
            raise raised
        finally:
            del raised

    return outer


def _bare(error: BaseException) -> BaseException:
    if error.__suppress_context__:
        error.__context__ = None
    return error.with_traceback(None)
