from __future__ import annotations

import asyncio
import threading

import pytest

import rekindle
from conftest import Make, grants
from rekindle.testing import TestServer


def test_events_come_in_order_and_without_secrets(server: TestServer, make: Make) -> None:
    server.script(grants(2))
    session = make()
    events = session.events()
    session.force_refresh()
    told = [next(events) for _ in range(3)]
    assert [one.name for one in told] == ["SignedIn", "RefreshStarted", "RefreshSucceeded"]
    assert told[1].details == {"cause": "forced"} and events.poll() is None
    assert not any(word in repr(told) for word in ("AT-", "RT-"))


def test_events_are_awaited(make: Make) -> None:
    session = make()

    async def first() -> str:
        events = session.events()
        await session.atoken()
        return (await anext(aiter(events))).name

    assert asyncio.run(first()) == "SignedIn"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_listener_that_raises_hinders_nobody(server: TestServer, make: Make) -> None:
    server.script(grants(2))
    heard, done = list[str](), threading.Event()

    def listen(event: rekindle.Event) -> None:
        heard.append(event.name)
        if event.name == "RefreshSucceeded":
            done.set()
        raise ValueError(event.name)

    make(on_event=listen, expires_at=1.0).token()
    assert done.wait(10)
    assert heard == ["SignedIn", "RefreshStarted", "RefreshSucceeded"]


def test_the_counters_are_prometheus_text(make: Make) -> None:
    assert "rekindle_sign_ins_total 0" in make().prometheus()
