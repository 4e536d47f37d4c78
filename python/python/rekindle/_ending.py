"""Finishes refreshes and saves at the end of the process, also of sessions that are no longer referenced; and handles forks."""

from __future__ import annotations

import atexit
import os
import time
import weakref
from typing import Protocol, TypeAlias

from . import _native
from ._host import Host

AT_EXIT = 5.0
"""How many seconds the process waits at exit."""


_Native: TypeAlias = "_native.App | _native.Session"


class Kept(Protocol):
    """An app, or a session without an app."""

    @property
    def _host(self) -> Host: ...

    @property
    def _native(self) -> _Native: ...


_LIVE: weakref.WeakSet[Kept] = weakref.WeakSet()

_LINGERING: list[tuple[_Native, Host]] = []
"""Those that are no longer referenced but have a refresh in progress or an unsaved credential."""


def see_out(kept: Kept) -> None:
    """Makes the process wait for it at exit, even if it is no longer referenced by then."""
    weakref.finalize(kept, _linger, kept._native, kept._host).atexit = False
    _LIVE.add(kept)


def _linger(native: _Native, host: Host) -> None:
    _LINGERING[:] = [one for one in _LINGERING if not one[0].is_settled()]
    if not native.is_settled():
        _LINGERING.append((native, host))


@atexit.register
def _end() -> None:
    """Waits for refreshes in progress and unsaved credentials, at most `AT_EXIT` seconds for all sessions together."""
    until = time.monotonic() + AT_EXIT
    for native, host in _all():
        if not native.is_settled():
            host.loops.end()
            native.shutdown(max(until - time.monotonic(), 0.01))
    _native.end()


def _all() -> list[tuple[_Native, Host]]:
    return [(one._native, one._host) for one in list(_LIVE)] + _LINGERING


def _forked() -> None:
    _native.after_fork_in_child()
    for _, host in _all():
        host.forget_loop()
    # The parent process handles these.
    _LINGERING.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_native.before_fork,
        after_in_parent=_native.after_fork_in_parent,
        after_in_child=_forked,
    )
