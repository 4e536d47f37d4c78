"""How tokens are renewed: client credentials, and what the end of a refresh function means."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
import rekindle
from conftest import Make

GRANT = {"match": {"path": "/token"}, "respond": {"json": {"access_token": "AT-1", "expires_in": 900}}}


def service(server: Any, **settings: Any) -> rekindle.Session:
    request = rekindle.ClientCredentials(scope="read", resource=["https://api.example/"], parameters={"soid": "7"})
    settings = {"client_id": "service", "client_secret": "s3cret", "client_credentials": request} | settings
    return rekindle.Session(token_url=server.url + "/token", **settings)


# spec 5.18
def test_a_client_asks_for_its_first_token_when_it_is_needed(server: Any) -> None:
    server.script(GRANT)
    session = service(server)
    assert session.token().value == "AT-1"
    assert session.token().value == "AT-1"
    (sent,) = server.log()
    assert dict(parse_qsl(sent["body"])) == {
        "grant_type": "client_credentials", "scope": "read", "resource": "https://api.example/",
        "client_id": "service", "client_secret": "s3cret", "soid": "7",
    }  # fmt: skip


# spec 4.1, 5.18
def test_twenty_threads_and_tasks_ask_once(server: Any) -> None:
    server.script(GRANT)
    session = service(server)
    threads = [threading.Thread(target=session.token) for _ in range(10)]
    for thread in threads:
        thread.start()

    async def tasks() -> list[rekindle.Token]:
        return await asyncio.gather(*(rekindle.AsyncSession.of(session).token() for _ in range(10)))

    assert {token.value for token in asyncio.run(tasks())} == {"AT-1"}
    for thread in threads:
        thread.join()
    assert len(server.log()) == 1


# spec 5.5, 5.18
def test_a_client_with_a_key_signs_instead_of_sending_a_secret(server: Any) -> None:
    server.script(GRANT)
    key, _ = rekindle.SigningKey.generate()
    service(server, client_secret=None, client_key=key).token()
    sent = dict(parse_qsl(server.log()[0]["body"]))
    assert sent["client_assertion"].count(".") == 2 and "client_secret" not in sent


# spec 5.5
@pytest.mark.parametrize(
    ("client_auth", "in_body"), [("client_secret_basic", False), ("client_secret_post", True), (None, True)]
)
def test_the_secret_goes_where_client_auth_says(server: Any, client_auth: str | None, in_body: bool) -> None:
    server.script(GRANT)
    service(server, client_auth=client_auth).token()
    (sent,) = server.log()
    headers = {name.lower(): value for name, value in dict(sent["headers"]).items()}
    assert ("client_secret" in dict(parse_qsl(sent["body"]))) is in_body
    assert headers.get("authorization", "").startswith("Basic ") is not in_body


# spec 5.5
def test_an_app_says_who_its_client_is_in_the_same_way(server: Any) -> None:
    server.script(GRANT)
    app = rekindle.App(
        token_url=server.url + "/token",
        client_id="service",
        client_secret="s3cret",
        client_auth="client_secret_basic",
        client_credentials=rekindle.ClientCredentials(),
    )
    app.session("a").token()
    assert "client_secret" not in dict(parse_qsl(server.log()[0]["body"]))


# spec 4.6, 5.18
def test_a_sign_in_with_nothing_ends_a_sign_out(server: Any) -> None:
    server.script(GRANT, GRANT)
    session = service(server)
    session.token()
    session.sign_out()
    with pytest.raises(rekindle.SignedOut):
        session.token()
    session.sign_in()
    assert session.token().value == "AT-1"
    with pytest.raises(rekindle.InvalidConfig, match="refresh_token"):
        session.sign_in(rekindle.Credential(refresh_token="RT-1"))


# spec 5.18
@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"client_secret": None}, "client_secret"),
        ({"refresh_token": "RT-1"}, "refresh_token"),
        ({"client_auth": "basic"}, "client_auth"),
        ({"client_auth": "private_key_jwt"}, "client_key"),
        ({"refresh_with": print}, "refresh_with"),
        ({"client_credentials": True}, "client_credentials"),
        ({"client_credentials": rekindle.ClientCredentials(resource="https://a.example/")}, "client_credentials.resource"),
        ({"client_credentials": rekindle.ClientCredentials(parameters={"grant_type": "password"})}, "grant_type"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_told_at_once(server: Any, settings: dict[str, Any], named: str) -> None:
    with pytest.raises(rekindle.InvalidConfig, match=named):
        service(server, **settings)


def raising(error: BaseException) -> Any:
    def refresh(given: rekindle.RefreshInput) -> rekindle.Credential:
        spent = given.refresh_token
        raise error from OSError(f"the socket said {spent}")

    return refresh


# spec 5.19, 6.2
@pytest.mark.parametrize("error", [KeyError("SENTINEL-RT"), TimeoutError("read"), asyncio.CancelledError()])
def test_an_exception_that_nobody_knows_may_have_spent_the_refresh_token(
    make: Make, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    asked: list[str | None] = []

    def refresh(given: rekindle.RefreshInput) -> rekindle.Credential:
        asked.append(given.refresh_token)
        return raising(error)(given)  # type: ignore[no-any-return]

    session = make(refresh_with=refresh, refresh_token="SENTINEL-RT", expires_in=900, rotation="strict-family")
    with pytest.raises(rekindle.RefreshFailed) as caught:
        session.refresh()
    assert asked == ["SENTINEL-RT"]
    told = caught.value
    assert str(told).startswith(f"the refresh function raised {type(error).__name__}: ")
    assert told.__cause__ is error and isinstance(error.__cause__, OSError)
    assert "server says" not in str(told)


# spec 5.19, 9.3
def test_it_is_logged_with_its_traceback_and_without_secrets(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(rekindle.RefreshFailed) as caught:
        make(refresh_with=raising(KeyError("SENTINEL-RT")), refresh_token="SENTINEL-RT", expires_at=1.0).token()
    assert "in refresh" in caplog.text and "KeyError" in caplog.text and "OSError" in caplog.text
    assert "SENTINEL" not in caplog.text and "SENTINEL" not in str(caught.value)
    assert set(modules(caught.value.__cause__)) == {__name__}


def modules(error: BaseException | None) -> Iterator[str]:
    at = error.__traceback__ if error else None
    while at is not None:
        yield at.tb_frame.f_globals["__name__"]
        at = at.tb_next


# spec 5.19
def test_only_what_says_so_was_not_sent(make: Make) -> None:
    asked: list[str | None] = []

    def refresh(given: rekindle.RefreshInput) -> rekindle.Credential:
        asked.append(given.refresh_token)
        if len(asked) == 1:
            raise rekindle.RefreshNotSent("no service is known")
        return rekindle.Credential(access_token="AT-2", refresh_token="RT-2")

    session = make(refresh_with=refresh, expires_in=900, rotation="strict-family")
    assert session.refresh().value == "AT-2"
    assert asked == ["RT-1", "RT-1"]


# spec 5.12, 5.19
def test_the_ends_of_what_a_refresh_function_returns_are_trimmed(make: Make) -> None:
    seen: list[str | None] = []

    def refresh(of: rekindle.RefreshInput) -> Any:
        seen.append(of.refresh_token)
        return {"access_token": "AT-2\n", "refresh_token": " RT-2\r\n"}

    session = make(refresh_with=refresh, expires_in=900)
    assert session.refresh().authorization == "Bearer AT-2"
    session.force_refresh()
    assert seen == ["RT-1", "RT-2"]


# spec 5.19
def test_a_refresh_function_that_never_sends_is_told_as_what_it_is(make: Make) -> None:
    def refresh(_: rekindle.RefreshInput) -> Any:
        raise rekindle.RefreshNotSent("no service is known")

    with pytest.raises(rekindle.RefreshFailed, match="no service is known: no refresh was sent") as caught:
        make(refresh_with=refresh, expires_in=900).refresh()
    assert isinstance(caught.value.__cause__, rekindle.RefreshNotSent) and "endpoint" not in str(caught.value)


# spec 5.4, 5.19
@pytest.mark.parametrize("given", [{"refresh_token": "RT-2"}, rekindle.Credential(refresh_token="RT-2")])
def test_a_refresh_token_without_an_access_token_is_kept(make: Make, given: Any) -> None:
    seen: list[str | None] = []

    def refresh(of: rekindle.RefreshInput) -> Any:
        seen.append(of.refresh_token)
        return given if len(seen) == 1 else {"access_token": "AT-3"}

    session = make(refresh_with=refresh, expires_in=900)
    with pytest.raises(rekindle.ClientRejected, match="access_token"):
        session.refresh()
    assert session.force_refresh().value == "AT-3"
    assert seen == ["RT-1", "RT-2"]


# spec 5.19
def test_a_coroutine_that_nobody_awaited_is_told_as_one(make: Make) -> None:
    async def ask() -> dict[str, str]:
        return {"access_token": "AT-2"}

    async def refresh(_: rekindle.RefreshInput) -> Any:
        return ask()

    with pytest.raises(rekindle.RefreshFailed, match="a coroutine that nobody awaited"):
        make(refresh_with=refresh, expires_at=1.0).token()


# spec 5.18
def test_a_function_is_asked_without_a_refresh_token_too(make: Make) -> None:
    seen: list[str | None] = []

    def refresh(given: rekindle.RefreshInput) -> dict[str, str]:
        seen.append(given.refresh_token)
        return {"access_token": "AT-2"}

    assert make(refresh_with=refresh, refresh_token=None, expires_at=1.0).token().value == "AT-2"
    assert seen == [None]


# spec 4.8: it is from memory, and waits for nothing; what would wait for itself is a Misuse, not a failure that passes.
def test_a_refresh_function_may_ask_for_the_status(make: Make) -> None:
    seen: dict[str, Any] = {}

    def refresh(_: rekindle.RefreshInput) -> dict[str, Any]:
        seen["status"] = session.status()
        for name, call in {"token": session.token, "fresh status": lambda: session.status(fresh=True)}.items():
            with pytest.raises(rekindle.Misuse) as refused:
                call()
            seen[name] = refused.value.retryable
        return {"access_token": "AT-2", "expires_in": 900}

    session = make(refresh_with=refresh, expires_at=1.0)
    assert session.token().value == "AT-2"
    assert seen["status"].generation == 1
    assert (seen["token"], seen["fresh status"]) == (False, False)


# spec 4.8
def test_an_async_refresh_function_may_ask_for_the_status(make: Make) -> None:
    seen: list[rekindle.Status] = []

    async def refresh(_: rekindle.RefreshInput) -> dict[str, Any]:
        seen.append(await rekindle.AsyncSession.of(session).status())
        return {"access_token": "AT-2", "expires_in": 900}

    session = make(refresh_with=refresh, expires_at=1.0)

    async def ask() -> str:
        return (await rekindle.AsyncSession.of(session).token()).value

    assert asyncio.run(ask()) == "AT-2"
    assert seen[0].generation == 1
