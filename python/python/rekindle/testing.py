"""For tests of your own code: a mock transport, a scripted server on loopback, a manual clock.

pytest finds the fixtures `rekindle_server` and `rekindle_session` automatically (`pip install "rekindle[testing]"`).
"""

from __future__ import annotations

from typing import Any

from ._mock import OF_TESTS, MockRequest, MockResponse, MockTransport
from ._native.testing import ManualClock
from ._session import Session
from ._test_server import TestServer

__all__ = ["ManualClock", "MockRequest", "MockResponse", "MockTransport", "TestServer", "session"]


def session(clock: ManualClock, *, alone: bool = False, **settings: Any) -> Session:
    """A session that uses `clock` as its clock. `alone`: it shares no state with other sessions, as in a separate process.

    The settings are those of `rekindle.Session`.
    """
    told = OF_TESTS.set({**OF_TESTS.get(), "clock": clock, "alone": alone})
    try:
        return Session(**settings)
    finally:
        OF_TESTS.reset(told)
