from __future__ import annotations

import asyncio
import logging
import pickle
import traceback
from pathlib import Path

import pytest

import rekindle
from conftest import Make, grants
from rekindle.testing import TestServer


def test_a_valid_token_is_served_without_a_request(server: TestServer, make: Make) -> None:
    server.script()
    token = make(expires_in=900).token()
    assert (token.value, token.authorization, token.generation) == ("AT-1", "Bearer AT-1", 1)
    assert server.log() == []


def test_an_invalidated_token_is_refreshed_once(server: TestServer, make: Make) -> None:
    server.script(grants(2))
    session = make()
    session.token()
    session.invalidate()
    assert session.token_if_valid() is None
    assert session.token().value == "AT-2"
    assert session.stats()["refreshes"] == 1


def test_twenty_tasks_share_one_refresh(server: TestServer, make: Make) -> None:
    server.script(grants(2))
    session = make(expires_at=1.0)

    async def values() -> list[str]:
        return [token.value for token in await asyncio.gather(*(rekindle.AsyncSession.of(session).token() for _ in range(20)))]

    assert asyncio.run(values()) == ["AT-2"] * 20
    assert len(server.log()) == 1


def test_a_cancelled_task_does_not_end_the_refresh(server: TestServer, make: Make) -> None:
    server.script(grants(2, hold="answer"))
    session = make(expires_at=1.0)

    async def cancel() -> str:
        task = asyncio.create_task(rekindle.AsyncSession.of(session).token())
        await asyncio.to_thread(server.log, wait=1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.release("answer")
        return (await rekindle.AsyncSession.of(session).token()).value

    assert asyncio.run(cancel()) == "AT-2"
    assert len(server.log()) == 1


# spec 4.13
def test_the_status_says_what_a_refresh_waits_for(server: TestServer, make: Make) -> None:
    server.script(grants(2, hold="answer"))
    session = make(expires_at=1.0)
    assert (session.status().waiting, session.status().waiting_at_most) == (None, None)

    async def ask() -> rekindle.Status:
        task = asyncio.create_task(rekindle.AsyncSession.of(session).token())
        await asyncio.to_thread(server.log, wait=1)
        status = session.status()
        server.release("answer")
        await task
        return status

    held = asyncio.run(ask())
    assert held.waiting == "token_endpoint"
    assert held.waiting_at_most is not None and 0 < held.waiting_at_most <= 60
    assert (session.status().waiting, session.status().waiting_at_most) == (None, None)


def test_one_session_serves_loops_one_after_the_other(server: TestServer, make: Make) -> None:
    server.script(grants(2), grants(3))
    session = make()
    for generation in (2, 3):
        assert asyncio.run(rekindle.AsyncSession.of(session).force_refresh()).generation == generation


def test_a_dead_refresh_token_is_login_required(server: TestServer, make: Make) -> None:
    server.script({"match": {"path": "/token"}, "respond": {"status": 400, "json": {"error": "invalid_grant"}}})
    session = make(expires_at=1.0)
    for _ in range(2):
        with pytest.raises(rekindle.LoginRequired) as caught:
            session.token()
        assert (caught.value.kind, caught.value.retryable) == ("LoginRequired", False)
    assert caught.value.oauth_error == "invalid_grant"
    assert session.status().standing == "login_required"
    assert len(server.log()) == 1


def test_signing_out_and_in_again_serves_the_new_token(server: TestServer, make: Make) -> None:
    session = make()
    session.sign_out()
    with pytest.raises(rekindle.SignedOut):
        session.token()
    session.sign_in(rekindle.Credential(access_token="AT-9", refresh_token="RT-9"))
    assert session.token().value == "AT-9"


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("token_url", 7),
        ("token_url", "ftp://x"),
        ("expires_in", 0),
        ("expires_in", float("nan")),
        ("expires_in", "900"),
        ("expires_in", True),
        ("origins", "https://api.example.com"),
        ("origins", [1]),
        ("dialect", 3),
        ("dialect", "no-such-preset"),
        ("dialect", {"rotatoin": "strict"}),
        ("dialect", {"refresh": object()}),
        ("credential", {"access_token": "x"}),
        ("store", object()),
        ("refresh_with", 1),
        ("on_event", 1),
        ("wait_timeout", -1),
        ("lease", 1.0),
    ],
)
def test_what_makes_no_sense_names_its_argument(make: Make, argument: str, value: object) -> None:
    tokens = {"access_token": None, "refresh_token": None} if argument == "credential" else {}
    with pytest.raises(rekindle.InvalidConfig) as caught:
        make(**{argument: value}, **tokens)
    name = {"dialect": str(value) if isinstance(value, str) else "dialect"}.get(argument, argument)
    assert name in str(caught.value) or "rotatoin" in str(caught.value)


def test_an_unknown_option_is_a_type_error(make: Make) -> None:
    with pytest.raises(TypeError, match="acces_token"):
        make(acces_token="x")


def test_sessions_and_tokens_do_not_pickle_and_say_what_to_do(make: Make) -> None:
    session = make()
    for one in (session, session.token(), rekindle.Credential(access_token="SECRET-1")):
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(one)


def test_a_token_is_not_shown_by_accident(make: Make) -> None:
    token = make().token()
    assert "AT-1" not in f"{token!r} {token!s}"
    for show in ("{}".format, lambda token: f"{token}"):
        with pytest.raises(TypeError, match=r"\.value"):
            show(token)


def test_no_secret_is_told_by_logs_reprs_or_tracebacks(
    server: TestServer, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = {"error": "invalid_grant", "error_description": "RT-SENTINEL is dead"}
    server.script({"match": {"path": "/token"}, "respond": {"status": 400, "json": echo}})
    credential = rekindle.Credential(access_token="AT-SENTINEL", refresh_token="RT-SENTINEL", expires_at=1.0)
    session = make(access_token=None, refresh_token=None, credential=credential, client_secret="CS-SENTINEL")
    with pytest.raises(rekindle.LoginRequired) as caught:
        session.token()
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value.args)
    told += repr(session) + repr(credential) + str(session.status()) + str(session.stats()) + caplog.text
    assert "SENTINEL" not in told


def test_a_sign_out_revokes_where_the_dialect_can_and_says_whether_it_did(server: TestServer, make: Make) -> None:
    server.script()
    assert make().sign_out(revoke=True) is None
    dialect = {"revoke": {"url": server.url + "/revoke"}}
    for status in (200, 503):
        server.script({"match": {"path": "/revoke"}, "respond": {"status": status}})
        session = make(dialect=dialect)
        session.token()
        assert session.sign_out(revoke=True) is (status == 200)
        assert "token=RT-1" in server.log()[-1]["body"]
        with pytest.raises(rekindle.SignedOut):
            session.token()


def test_a_session_moves_to_another_token_endpoint(server: TestServer, make: Make, tmp_path: Path) -> None:
    server.script()
    store = rekindle.FileStore(tmp_path / "session.json")
    assert make(store=store).token().value == "AT-1"
    moved = rekindle.Session(dialect="oauth2", token_url=server.url + "/v2/token", client_id="app", store=store)
    with pytest.raises(rekindle.InvalidConfig, match="rebind"):
        moved.token()
    assert (moved.rebind(), moved.rebind()) == (True, False)
    assert moved.token().value == "AT-1"
