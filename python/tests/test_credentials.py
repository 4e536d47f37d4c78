from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import rekindle
from conftest import Make

IN_AN_HOUR = datetime.now(timezone.utc) + timedelta(hours=1)


@pytest.mark.parametrize(
    "at",
    [
        IN_AN_HOUR,
        IN_AN_HOUR.astimezone(timezone(timedelta(hours=5, minutes=30))),
        IN_AN_HOUR.isoformat(),
        IN_AN_HOUR.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        IN_AN_HOUR.timestamp(),
    ],
)
def test_an_end_may_be_a_datetime_a_text_or_a_number(make: Make, at: Any) -> None:
    for session in (
        make(expires_at=at),
        make(credential=rekindle.Credential("AT-1", "RT-1", expires_at=at), access_token=None, refresh_token=None),
    ):
        assert session.token().expires_at == pytest.approx(IN_AN_HOUR.timestamp(), abs=0.01)


@pytest.mark.parametrize("at", [datetime(2030, 1, 1), "2030-01-01T00:00:00", "soon", True, [1]])
def test_without_a_zone_it_is_no_point_in_time(make: Make, at: Any) -> None:
    with pytest.raises(rekindle.InvalidConfig, match="expires_at must be"):
        make(expires_at=at)


class Answered:
    """A response of any library."""

    def json(self) -> Any:
        return {"access_token": "AT-1", "refresh_token": "RT-1", "expires_in": "3600"}


def test_a_token_endpoints_answer_is_taken_as_it_is(make: Make) -> None:
    answer = {
        "access_token": "AT-1 ",
        "refresh_token": "RT-1",
        "expires_in": "3600",
        "refresh_expires_in": 7200,
        "scope": ["read", "write"],
        "token_type": "Bearer",
        "id_token": "e30.e30.x",
        "instance_url": "https://eu1.example.com",
        "user": {"id": 7},
        "not_before": 0,
    }
    made = rekindle.Credential.from_response(answer)
    assert (made.access_token, made.refresh_token, made.expires_in) == ("AT-1", "RT-1", 3600.0)
    assert made.scope == "read write" and made.token_type == "Bearer"
    assert made.refresh_token_expires_at == pytest.approx(time.time() + 7200, abs=5)
    assert rekindle.Credential.from_response(json.dumps(answer)).extra == made.extra
    assert rekindle.Credential.from_response(Answered()).expires_in == 3600.0
    dated = rekindle.Credential.from_response({"token": "AT-1", "expires_at": "2030-01-01T00:00:00Z"})
    assert (dated.access_token, dated.expires_at) == ("AT-1", 1893456000.0)
    session = make(credential=made, access_token=None, refresh_token=None)
    extra = {"id_token": "e30.e30.x", "instance_url": "https://eu1.example.com", "user": '{"id": 7}'}
    assert session.extra() == extra == asyncio.run(rekindle.AsyncSession.of(session).extra())
    assert "e30" not in repr(made) + repr(session) + repr(session.status())


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"error": "invalid_grant", "access_token": None}, "holds no token .error invalid_grant."),
        ({"error": "AT-1 is bad"}, "holds no token:"),
        ("AT-1", "no JSON"),
        (7, "not int"),
    ],
)
def test_what_holds_no_token_is_told_without_repeating_it(answer: Any, told: str) -> None:
    with pytest.raises(rekindle.InvalidConfig, match=told) as caught:
        rekindle.Credential.from_response(answer)
    assert "AT-1" not in str(caught.value)


def test_a_refresh_token_that_ends_is_told(make: Make) -> None:
    ending = rekindle.Credential("AT-1", "RT-1", expires_in=900, refresh_token_expires_at=time.time() - 1)
    heard = list[str]()
    session = make(credential=ending, access_token=None, refresh_token=None, on_event=lambda one: heard.append(repr(one)))
    session.token()
    session.shutdown()
    assert any("refresh_token_ends" in one for one in heard)
