"""Signing in: a browser that the tests play, a device, a handler that is asked once."""

from __future__ import annotations

import asyncio
import threading
import urllib.request
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import rekindle
from conftest import grants

CALLBACK = "https://app.example/callback"


def session_at(server: Any, **given: Any) -> rekindle.Session:
    known: dict[str, Any] = {
        "token_url": server.url + "/token",
        "authorization_url": server.url + "/authorize",
        "client_id": "app",
        "origins": [server.url],
    }
    return rekindle.Session(**{**known, **given})


def parameters(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def visit(url: str) -> None:
    """The browser comes back, in its own time."""
    asked = parameters(url)
    callback = f"{asked['redirect_uri']}?code=c-1&state={asked['state']}"
    threading.Thread(target=lambda: urllib.request.build_opener(urllib.request.ProxyHandler({})).open(callback).read()).start()


# spec 12.1, 12.5
def test_a_web_application_begins_and_finishes_and_a_second_finish_is_refused(server: Any) -> None:
    server.script(grants(1))
    begun = session_at(server).begin_sign_in(redirect_uri=CALLBACK, scope="openid", resource="https://api.example/")
    asked = parameters(begun.url)
    assert asked["code_challenge_method"] == "S256" and asked["scope"] == "openid" and "nonce" in asked
    assert begun.pending not in repr(begun)
    session = session_at(server)
    forged = f"{CALLBACK}?code=c-1&state=guess"
    with pytest.raises(rekindle.InvalidResponse, match="state"):
        session.finish_sign_in(begun.pending, forged)
    callback = f"{CALLBACK}?code=c-1&state={asked['state']}"
    session.finish_sign_in(begun.pending, callback)
    assert session.token().value == "AT-1"
    with pytest.raises(rekindle.Misuse, match="finished before"):
        session_at(server).finish_sign_in(begun.pending, callback)
    (sent,) = server.log()
    fields = dict(parse_qsl(sent["body"]))
    assert (fields["grant_type"], fields["redirect_uri"]) == ("authorization_code", CALLBACK)


# spec 12.8
def test_from_a_client_id_to_a_session_in_one_call_and_the_store_is_asked_first(server: Any, tmp_path: Any) -> None:
    server.script(grants(1))
    store = rekindle.FileStore(str(tmp_path / "user.json"))
    options: dict[str, Any] = {
        "client_id": "app", "token_url": server.url + "/token", "authorization_url": server.url + "/authorize",
        "store": store,
    }  # fmt: skip
    session = rekindle.sign_in("oauth2", scope="read", open=visit, **options)
    assert session.token().value == "AT-1"
    del session

    def nobody(url: str) -> None:
        raise AssertionError("nobody is asked twice")

    assert rekindle.sign_in("oauth2", open=nobody, **options).token().value == "AT-1"


# spec 12.8
def test_asyncio_signs_in_too_and_what_shows_the_address_may_fail(server: Any) -> None:
    server.script(grants(1))

    async def main() -> None:
        session = session_at(server)
        with pytest.raises(rekindle.Misuse, match="raised ZeroDivisionError"):
            await rekindle.AsyncSession.of(session).sign_in_with_browser(open=lambda url: 1 / 0)
        await rekindle.AsyncSession.of(session).sign_in_with_browser(open=visit)
        assert (await rekindle.AsyncSession.of(session).token()).value == "AT-1"

    asyncio.run(main())


# spec 12.9, 12.10
def test_a_server_is_found_by_its_issuer_and_a_device_signs_in(server: Any) -> None:
    found = {
        "issuer": server.url, "token_endpoint": server.url + "/token",
        "device_authorization_endpoint": server.url + "/device",
    }  # fmt: skip
    device = {"device_code": "d", "user_code": "WDJB-MJHT", "verification_uri": "https://a.example/device", "interval": 1}
    server.script(
        {"match": {"path": "/.well-known/oauth-authorization-server"}, "respond": {"json": found}},
        {"match": {"path": "/device"}, "respond": {"json": device}},
        grants(1),
    )
    shown: list[tuple[str, str, str | None]] = []
    session = rekindle.sign_in(server.url, client_id="app", device=True, show=lambda *facts: shown.append(facts))
    assert shown == [("https://a.example/device", "WDJB-MJHT", None)]
    assert session.token().value == "AT-1"


# spec 12.11
def test_a_name_and_a_password_are_sent_as_the_dialect_says(server: Any) -> None:
    server.script({"match": {"path": "/login"}, "respond": {"json": {"data": {"accessToken": "AT-1"}}}})
    dialect = {
        "token_endpoint": {"encoding": "json", "client_auth": "none"},
        "password": {
            "url": "{base_url}/login", "names": {"username": "email"}, "answer": {"access_token": "data.accessToken"},
        },
    }  # fmt: skip
    session = session_at(server, dialect=dialect, authorization_url=None, variables={"base_url": server.url})
    session.sign_in_with_password("ada", "hunter2")
    assert session.token().value == "AT-1"


# spec 12.13
def test_twenty_threads_wait_for_one_sign_in_and_go_on(server: Any) -> None:
    asked: list[rekindle.Session] = []
    let_on = threading.Event()

    def login(session: rekindle.Session) -> rekindle.Credential:
        asked.append(session)
        assert let_on.wait(60)
        return rekindle.Credential(access_token="AT-2", refresh_token="RT-2")

    session = session_at(server, login=login)
    values: list[str] = []
    threads = [threading.Thread(target=lambda: values.append(session.token().value)) for _ in range(20)]
    for thread in threads:
        thread.start()
    let_on.set()
    for thread in threads:
        thread.join()
    assert values == ["AT-2"] * 20 and len(asked) == 1


# spec 12.13
def test_a_handler_that_fails_is_told_and_chained(server: Any) -> None:
    def login(session: rekindle.Session) -> None:
        raise KeyError("a text with a secret")

    with pytest.raises(rekindle.Misuse, match="the login handler raised KeyError") as raised:
        session_at(server, login=login).token()
    assert "secret" not in str(raised.value) and isinstance(raised.value.__cause__, KeyError)


def test_what_makes_no_sense_is_told_by_its_name(server: Any) -> None:
    with pytest.raises(rekindle.InvalidConfig, match="redirect_url"):
        session_at(server).begin_sign_in(redirect_uri=CALLBACK, redirect_url="x")
    with pytest.raises(rekindle.InvalidConfig, match="redirect_uri"):
        session_at(server).begin_sign_in(redirect_uri="http://app.example/callback")
    with pytest.raises(rekindle.InvalidConfig, match="login must be callable"):
        session_at(server, login=5)


# spec 12.13: it would wait for itself
def test_a_handler_that_asks_for_a_token_first_is_told_at_once(server: Any) -> None:
    told: list[str] = []

    def login(session: rekindle.Session) -> rekindle.Credential:
        with pytest.raises(rekindle.Misuse, match="sign in first"):
            session.token()
        with pytest.raises(rekindle.Misuse, match="sign in first"):
            rekindle.Client(session, base_url=server.url).get("/data")
        told.append("both")
        return rekindle.Credential(access_token="AT-2")

    assert session_at(server, login=login).token().value == "AT-2"

    async def alogin(session: rekindle.Session) -> rekindle.Credential:
        with pytest.raises(rekindle.Misuse, match="sign in first"):
            await rekindle.AsyncSession.of(session).token()
        told.append("async")
        return rekindle.Credential(access_token="AT-3")

    assert session_at(server, login=alogin).token().value == "AT-3"
    assert told == ["both", "async"]


# spec 12.17
def test_an_app_signs_users_in_under_their_keys_and_lists_them(server: Any, tmp_path: Any) -> None:
    server.script(grants(1), grants(2), {"match": {"path": "/revoke"}, "respond": {"status": 200}})
    found = {
        "issuer": server.url, "token_endpoint": server.url + "/token",
        "authorization_endpoint": server.url + "/authorize", "revocation_endpoint": server.url + "/revoke",
    }  # fmt: skip
    app = rekindle.App(server=found, client_id="app", store=rekindle.FileStore.folder(str(tmp_path)))
    assert app.sign_in(key="ada", scope="read", open=visit).token().value == "AT-1"
    begun = app.begin_sign_in(redirect_uri=CALLBACK, scope="read")
    callback = f"{CALLBACK}?code=c-1&state={parameters(begun.url)['state']}"
    with pytest.raises(rekindle.InvalidConfig, match="key"):
        app.finish_sign_in(begun.pending, callback)
    bob = app.finish_sign_in(begun.pending, callback, key="bob")
    assert (bob.key, bob.subject) == ("bob", None) and app.session("bob") is bob
    assert app.accounts() == ["ada", "bob"]
    assert app.remove("ada") is True
    assert app.accounts() == ["bob"]


# spec 12.16
def test_a_client_of_an_api_finds_its_server_and_registers(server: Any) -> None:
    api = {"resource": server.url + "/mcp", "authorization_servers": [server.url]}
    challenge = {"www-authenticate": f'Bearer resource_metadata="{server.url}/about"'}
    found = {
        "issuer": server.url, "token_endpoint": server.url + "/token",
        "authorization_endpoint": server.url + "/authorize", "registration_endpoint": server.url + "/register",
    }  # fmt: skip
    server.script(
        {"match": {"path": "/mcp"}, "respond": {"status": 401, "headers": challenge}},
        {"match": {"path": "/about"}, "respond": {"json": api}},
        {"match": {"path": "/.well-known/oauth-authorization-server"}, "respond": {"json": found}},
        {"match": {"path": "/register"}, "respond": {"status": 201, "json": {"client_id": "c-1"}}},
    )
    asked = rekindle.discover_resource(server.url + "/mcp")
    known = rekindle.discover(asked["authorization_servers"][0])
    client = rekindle.register(known, name="My tool")
    assert client == {"client_id": "c-1", "client_auth": "none"}
    begun = rekindle.Session(server=known, **client).begin_sign_in(redirect_uri=CALLBACK, resource=asked["resource"])
    assert parameters(begun.url)["resource"] == server.url + "/mcp"
