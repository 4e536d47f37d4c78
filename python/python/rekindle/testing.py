"""Help for tests of one's own code: a server that is a function, one on loopback, a clock that is turned by hand.

pytest finds the fixtures `rekindle_server` and `rekindle_session` by itself (`pip install "rekindle[testing]"`).
"""

from __future__ import annotations

from typing import Any

from ._mock import OF_TESTS, MockRequest, MockResponse, MockTransport
from ._native.testing import ManualClock
from ._session import Session
from ._test_server import TestServer

__all__ = ["ManualClock", "MockRequest", "MockResponse", "MockTransport", "TestServer", "session"]


def session(clock: ManualClock, *, alone: bool = False, **settings: Any) -> Session:
    """A session whose time passes only by `clock`; `alone` stands for a process of its own.

    The settings are those of `rekindle.Session`.
    """
    told = OF_TESTS.set({**OF_TESTS.get(), "clock": clock, "alone": alone})
    try:
        return Session(**settings)
    finally:
        OF_TESTS.reset(told)
