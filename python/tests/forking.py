"""Forked children in tests: each is bounded, and says where it hangs before it is ended."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import select
import signal
import threading
import traceback
from collections.abc import Callable
from typing import Any

PATIENCE = 30.0
_GROUP = os.getpgrp()


class Child:
    """A child that does one piece of work, and tells its result."""

    def __init__(self, work: Callable[[], Any]) -> None:
        ours, theirs = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _live(work, theirs)
        os.close(theirs)
        self._pipe = ours

    def result(self) -> Any:
        """What the work gave, as JSON carries it."""
        told = self._told()
        os.close(self._pipe)
        _, status = os.waitpid(self.pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0, told
        found = json.loads(told)
        assert "raised" not in found, found["raised"]
        return found["gave"]

    def _told(self) -> bytes:
        told = b""
        while select.select([self._pipe], [], [], PATIENCE)[0]:
            piece = os.read(self._pipe, 65536)
            told += piece
            # Not at the end of the pipe: a grandchild may hold it.
            if not piece or told.endswith(b"\n"):
                return told
        os.kill(self.pid, signal.SIGABRT)  # faulthandler tells where it is
        os.waitpid(self.pid, 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        raise AssertionError("the child hangs: see above")


def _live(work: Callable[[], Any], pipe: int) -> None:
    faulthandler.enable()
    if os.getpgrp() == _GROUP:
        # Grandchildren stay in it, to be ended with it.
        os.setpgrp()
    try:
        told = {"gave": work()}
    except BaseException:
        told = {"raised": traceback.format_exc()}
    os.write(pipe, json.dumps(told).encode() + b"\n")
    os._exit(0)


def beside(work: Callable[[], Any]) -> Callable[[], Any]:
    """Does it on a thread; what comes back waits for its result."""
    done: list[Any] = []

    def run() -> None:
        try:
            done.append((True, work()))
        except BaseException as error:
            done.append((False, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def wait() -> Any:
        thread.join(PATIENCE)
        assert done, "the thread hangs"
        good, value = done[0]
        if not good:
            raise value
        return value

    return wait
