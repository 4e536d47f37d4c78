"""Sentinel tokens, and every place where text comes out."""

from __future__ import annotations

import asyncio
import copy
import io
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import requests

import rekindle
import rekindle.httpx
import rekindle.requests
from conftest import Make
from rekindle.testing import TestServer

SENTINELS = ("SENTINEL-AT", "SENTINEL-RT", "SENTINEL-CS", "SENTINEL-ECHO")


def assert_clean(text: str) -> None:
    found = [one for one in SENTINELS if one in text]
    assert not found, f"{found} in {text}"


def shown(error: BaseException) -> str:
    """What tools that report errors see of ours: text, repr, arguments, and the locals of our frames."""
    told = [str(error), repr(error), repr(error.args), repr(vars(error))]
    kept = traceback.TracebackException.from_exception(error, capture_locals=True, lookup_lines=False)
    while kept is not None:
        for frame in kept.stack:
            if "/rekindle/" in frame.filename:
                told.append(f"{frame.name}: {frame.locals}")
        told += list(kept.format_exception_only())
        kept = kept.__cause__ or kept.__context__  # type: ignore[assignment]
    return "\n".join(told)


def credential(**more: Any) -> rekindle.Credential:
    given = {"access_token": "SENTINEL-AT", "refresh_token": "SENTINEL-RT", "expires_at": 1.0, **more}
    return rekindle.Credential(**given)


@pytest.fixture
def signed_in(server: TestServer, make: Make, caplog: pytest.LogCaptureFixture) -> Any:
    """A session with sentinels everywhere, at a server that refuses and repeats what it was sent."""
    caplog.set_level(logging.DEBUG)
    echo = {"error": "invalid_grant", "error_description": "SENTINEL-RT of SENTINEL-CS: SENTINEL-ECHO SENTINEL-RT"}
    server.script(
        {"match": {"path": "/token"}, "respond": {"status": 400, "json": echo}, "repeat": "always"},
        {"match": {"path": "/data"}, "respond": {"status": 401, "text": "SENTINEL-AT"}, "repeat": "always"},
    )

    def sign_in(**given: Any) -> rekindle.Session:
        known = {"access_token": None, "refresh_token": None, "client_secret": "SENTINEL-CS"}
        return make(**{**known, "credential": credential(), **given})

    return sign_in


def ways(session: rekindle.Session, url: str) -> dict[str, Callable[[], object]]:
    """Ways to run into the refused refresh."""
    client, aclient = rekindle.Client(session), rekindle.AsyncClient(session)
    mounted = httpx.Client(auth=rekindle.httpx.Auth(session), trust_env=False)
    return {
        "token": session.token,
        "atoken": lambda: asyncio.run(rekindle.AsyncSession.of(session).token()),
        "refresh": lambda: session.force_refresh(),
        "get": lambda: client.get(url + "/data"),
        "aget": lambda: asyncio.run(aclient.get(url + "/data")),
        "httpx": lambda: mounted.get(url + "/data"),
        "requests": lambda: requests.get(url + "/data", auth=rekindle.requests.Auth(session)),
    }


def test_no_way_into_a_refused_refresh_shows_a_token(
    server: TestServer, signed_in: Any, caplog: pytest.LogCaptureFixture
) -> None:
    session = signed_in()
    for call in ways(session, server.url).values():
        with pytest.raises(rekindle.LoginRequired) as caught:
            call()
        assert_clean(shown(caught.value).replace("SENTINEL-ECHO", ""))
    assert_clean(caplog.text)


def test_nor_does_a_rejected_token(server: TestServer, signed_in: Any, caplog: pytest.LogCaptureFixture) -> None:
    for name in ways(signed_in(), server.url):
        session = signed_in(credential=credential(expires_at=None))
        if name in ("token", "atoken"):
            continue
        with pytest.raises(rekindle.LoginRequired) as caught:
            ways(session, server.url)[name]()
        assert_clean(shown(caught.value).replace("SENTINEL-ECHO", ""))
        if (response := caught.value.response) is not None:
            assert "SENTINEL-AT" in response.text
            assert_clean(repr(response) + repr(response.headers) + str(response.headers))
    assert_clean(caplog.text)


def test_settings_that_make_no_sense_do_not_show_the_others(signed_in: Any) -> None:
    wrong: list[dict[str, Any]] = [
        {"token_url": "ftp://x"},
        {"lease": -1},
        {"origins": 3},
        {"store": object()},
        {"credential": None, "access_token": "SENTINEL-AT", "refresh_token": 5},
        {"credential": None, "refresh_token": "SENTINEL-RT", "expires_in": -1},
        {"variables": {"a": object()}, "dialect": "entra"},
        {"dialect": {"x": "SENTINEL-RT"}},
    ]
    for given in wrong:
        with pytest.raises(Exception) as caught:
            signed_in(**given)
        if "x" not in str(given.get("dialect")):
            assert isinstance(caught.value, rekindle.InvalidConfig), given
        assert_clean(shown(caught.value))


def test_a_sign_in_that_fails_does_not_show_its_credential(signed_in: Any) -> None:
    class Broken:
        def load(self, key: str) -> Any:
            raise OSError("SENTINEL-AT")

        def save(self, key: str, record: bytes, expected: Any) -> Any:
            raise OSError(repr(record))

    session = signed_in(store=Broken())
    for call in (
        lambda: session.sign_in(credential(expires_in=0.0, expires_at=None)),
        lambda: asyncio.run(rekindle.AsyncSession.of(session).sign_in(credential(expires_in=0.0, expires_at=None))),
        lambda: session.sign_in("SENTINEL-RT"),
        session.token,
        session.sign_out,
    ):
        with pytest.raises(rekindle.RekindleError) as caught:
            call()
        assert_clean(shown(caught.value))


def test_reprs_status_counters_and_events_show_none(server: TestServer, signed_in: Any) -> None:
    heard: list[rekindle.Event] = []
    session = signed_in(on_event=heard.append)
    events = session.events()
    with pytest.raises(rekindle.LoginRequired):
        session.token()
    parts = [getattr(session, name, None) for name in rekindle.Session.__slots__]
    told = [session, credential(), rekindle.Client(session), session.status(), session.stats(), session.prometheus()]
    told += [events, *[next(events) for _ in range(2)], heard, parts, session._host.__dict__]
    told += [rekindle.RefreshInput("SENTINEL-RT", None, {"a": "SENTINEL-AT"}), rekindle.Stored(b"SENTINEL-RT", "1")]
    assert_clean(repr(told) + "".join(map(str, told)) + repr([one.details for one in heard]))


def test_a_valid_token_shows_nothing_but_on_purpose(signed_in: Any) -> None:
    token = signed_in(credential=credential(expires_at=None)).token()
    assert_clean(repr(token))
    for show in ("{}".format, "{:>10}".format, lambda one: f"Bearer {one}"):
        with pytest.raises(TypeError, match=r"\.value") as caught:
            show(token)
        assert_clean(shown(caught.value))
    printed = io.StringIO()
    print(token, file=printed)
    assert printed.getvalue().strip() == str(token) == repr(token) == f"{token!r}"
    assert_clean(printed.getvalue() + "%s" % token)
    assert (token.value, token.authorization) == ("SENTINEL-AT", "Bearer SENTINEL-AT")


def test_asyncio_in_debug_mode_logs_none(server: TestServer, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = {"access_token": "SENTINEL-AT", "refresh_token": "SENTINEL-RT", "expires_in": 900}
    server.script({"match": {"path": "/token"}, "respond": {"json": tokens}, "repeat": "always"})
    session = make(expires_at=1.0)

    async def ask() -> str:
        # Every callback counts as slow, and is logged with its arguments.
        asyncio.get_running_loop().slow_callback_duration = 0
        task = asyncio.create_task(rekindle.AsyncSession.of(session).token())
        await task
        return repr(task)

    assert_clean(asyncio.run(ask(), debug=True))
    assert "Executing" in caplog.text
    assert_clean(caplog.text)


def test_pickles_hold_none_but_on_purpose(server: TestServer, signed_in: Any) -> None:
    session = signed_in(credential=credential(expires_at=None))
    spend = rekindle.RefreshInput("SENTINEL-RT", None, {})
    for one in (session, session.token(), credential(), rekindle.Client(session), spend, rekindle.Stored(b"x", "1")):
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(one)
    with pytest.raises(rekindle.LoginRequired) as caught:
        rekindle.Client(session).get(server.url + "/data")
    again = pickle.loads(pickle.dumps(caught.value))
    assert b"SENTINEL-AT" not in pickle.dumps(caught.value)
    assert (type(again), str(again), again.oauth_error) == (rekindle.LoginRequired, str(caught.value), "invalid_grant")
    assert pickle.loads(pickle.dumps(credential().picklable())) == credential()
    assert copy.deepcopy(credential()) == credential() and hash(credential()) == hash(credential())
