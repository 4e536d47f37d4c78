from __future__ import annotations

import asyncio
import logging
from pathlib import Path
import threading

import pytest

import rekindle
from rekindle import metrics
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
        await rekindle.AsyncSession.of(session).token()
        return (await anext(aiter(events))).name

    assert asyncio.run(first()) == "SignedIn"


def test_a_listener_that_raises_hinders_nobody_and_is_logged(
    server: TestServer, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    server.script(grants(2))
    heard, done = list[str](), threading.Event()

    def listen(event: rekindle.Event) -> None:
        heard.append(event.name)
        if event.name == "RefreshSucceeded":
            done.set()
        raise ValueError(f"{event.name} access_token=AT-1-secret")

    session = make(on_event=listen, expires_at=1.0)
    session.token()
    assert done.wait(10)
    assert heard == ["SignedIn", "RefreshStarted", "RefreshSucceeded"]
    session.shutdown()
    told = [record for record in caplog.records if record.name == "rekindle.events"]
    assert [record.levelname for record in told] == ["ERROR"] * 3
    assert "on_event raised ValueError at SignedIn" in told[0].getMessage() and "listen" in told[0].getMessage()
    assert "AT-1-secret" not in caplog.text


def test_events_are_logged_where_the_logger_is_on(
    server: TestServer, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="rekindle")
    server.script(grants(2))
    session = make(expires_at=1.0)
    session.token()
    session.shutdown()
    told = [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "rekindle.events"]
    assert told[0] == ("INFO", "SignedIn session=default generation=1")
    assert told[1] == ("DEBUG", "RefreshStarted session=default generation=1 cause=expired")
    assert told[2][0] == "INFO" and told[2][1].startswith("RefreshSucceeded session=default generation=2 waiters=1")
    assert not any(word in caplog.text for word in ("AT-", "RT-"))


def test_the_counters_are_prometheus_text(make: Make) -> None:
    assert "rekindle_sign_ins_total 0" in make().prometheus()


def test_counters_of_several_have_labels_and_are_one_text(server: TestServer, make: Make) -> None:
    server.script(grants(2), {"match": {"path": "/token"}, "respond": {"status": 400, "json": {"error": "invalid_grant"}}})
    session = make(expires_at=1.0)
    session.token()
    with pytest.raises(rekindle.LoginRequired):
        session.force_refresh()
    app = rekindle.App(dialect="google", client_id="app")
    text = metrics.text({"billing": session, 'c"r\\m': app}, labels={"worker": "1"})
    lines = text.splitlines()
    assert 'rekindle_refreshes_total{app="billing",dialect="oauth2",worker="1"} 1' in lines
    assert 'rekindle_refresh_outcomes_total{app="billing",dialect="oauth2",worker="1",outcome="login_required"} 1' in lines
    assert 'rekindle_refresh_outcomes_total{app="c\\"r\\\\m",dialect="google",worker="1",outcome="granted"} 0' in lines
    kinds = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(kinds) == len(set(kinds)) == len(session.stats()) + 1
    assert metrics.text({}) == ""
    for wrong in ({"app": "x"}, {"no-name": "x"}, {"": "x"}):
        with pytest.raises(rekindle.InvalidConfig, match="labels"):
            metrics.text({"a": session}, labels=wrong)
    with pytest.raises(rekindle.InvalidConfig, match="counted"):
        metrics.text(session)  # type: ignore[arg-type]


def test_the_text_that_promtool_checks_is_the_one_that_is_made(make: Make) -> None:
    made = metrics.text({"billing": make()})
    shown = Path(__file__).parents[2] / "examples/prometheus/metrics.txt"
    assert made == shown.read_text(), f"write it anew: {made}"
