from __future__ import annotations

import asyncio
import io
import copy
import pickle
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
import requests

import rekindle.aiohttp
import rekindle.httpx
import rekindle.requests
from conftest import Make, accepts, grants, turns_away
from rekindle.testing import TestServer


def by_httpx(session: rekindle.Session, method: str, url: str, **given: Any) -> int:
    return _sync(httpx, session, method, url, given)


def by_httpx2(session: rekindle.Session, method: str, url: str, **given: Any) -> int:
    return _sync(httpx2, session, method, url, given)


def by_async_httpx(session: rekindle.Session, method: str, url: str, **given: Any) -> int:
    return asyncio.run(_async(httpx, session, method, url, given))


def by_async_httpx2(session: rekindle.Session, method: str, url: str, **given: Any) -> int:
    return asyncio.run(_async(httpx2, session, method, url, given))


def _sync(module: Any, session: rekindle.Session, method: str, url: str, given: dict[str, Any]) -> int:
    with module.Client(auth=rekindle.httpx.Auth(session), follow_redirects=True, trust_env=False) as client:
        return int(client.request(method, url, **given).status_code)


async def _async(module: Any, session: rekindle.Session, method: str, url: str, given: dict[str, Any]) -> int:
    auth = rekindle.httpx.Auth(session)
    async with module.AsyncClient(auth=auth, follow_redirects=True, trust_env=False) as client:
        return int((await client.request(method, url, **_awaited(given, "content"))).status_code)


def by_requests(session: rekindle.Session, method: str, url: str, **given: Any) -> int:
    if "content" in given:
        given["data"] = given.pop("content")
    return requests.request(method, url, auth=rekindle.requests.Auth(session), **given).status_code


def by_aiohttp(session: rekindle.Session, method: str, url: str, **given: Any) -> int:
    if "content" in given:
        given["data"] = given.pop("content")

    async def ask() -> int:
        middlewares = [rekindle.aiohttp.middleware(session)]
        async with aiohttp.ClientSession(middlewares=middlewares) as client:
            async with client.request(method, url, **_awaited(given, "data")) as response:
                return response.status

    return asyncio.run(ask())


def _awaited(given: dict[str, Any], name: str) -> dict[str, Any]:
    """An iterator becomes an async one."""
    pieces = given.get(name)

    async def each() -> AsyncIterator[bytes]:
        for piece in pieces or []:
            yield piece

    return {**given, name: each()} if isinstance(pieces, Iterator) and not hasattr(pieces, "read") else given


ADAPTERS = [by_httpx, by_async_httpx, by_httpx2, by_async_httpx2, by_requests, by_aiohttp]
REDIRECTED = [by_requests, by_aiohttp]
"""Those that see each hop; httpx follows redirects below its auth flows."""

each_adapter = pytest.mark.parametrize("ask", ADAPTERS)


@each_adapter
def test_a_401_is_refreshed_once_and_replayed_with_its_body(server: TestServer, make: Make, ask: Any) -> None:
    whole = {"match": {"token": "AT-2", "body_contains": "abc"}, "respond": {"status": 201}}
    server.script(turns_away("AT-1"), grants(2), whole)
    assert ask(make(), "POST", server.url + "/up", content=b"abc") == 201
    assert [one["path"] for one in server.log()] == ["/up", "/token", "/up"]


@each_adapter
def test_a_body_of_one_use_is_not_sent_empty(server: TestServer, make: Make, ask: Any) -> None:
    server.script(turns_away("AT-1"), grants(2))
    session = make()
    assert ask(session, "POST", server.url + "/up", content=iter([b"abc"])) == 401
    assert session.token().value == "AT-2"
    assert [one["path"] for one in server.log(wait=2)] == ["/up", "/token"]


@each_adapter
def test_a_401_of_a_foreign_origin_after_a_redirect_is_not_ours(server: TestServer, make: Make, ask: Any) -> None:
    other = TestServer()
    other.script({"match": {"token": ""}, "respond": {"status": 401}})
    server.script(
        {"match": {"token": "AT-1"}, "respond": {"status": 302, "headers": {"Location": [other.url + "/x"]}}}
    )
    assert ask(make(), "GET", server.url + "/data") == 401
    assert (len(server.log()), len(other.log())) == (1, 1)
    other.close()


@each_adapter
def test_a_credential_of_the_callers_own_is_left_alone(server: TestServer, make: Make, ask: Any) -> None:
    server.script(turns_away("mine"))
    assert ask(make(), "GET", server.url + "/data", headers={"Authorization": "Bearer mine"}) == 401
    assert len(server.log()) == 1


@each_adapter
def test_a_session_that_lists_no_origin_says_so(server: TestServer, make: Make, ask: Any) -> None:
    with pytest.raises(rekindle.InvalidConfig, match="origins: the session lists none"):
        ask(make(origins=[]), "GET", server.url + "/data")
    assert not server.log()


@each_adapter
def test_an_accepted_request_costs_nothing(server: TestServer, make: Make, ask: Any) -> None:
    server.script(accepts("AT-1"))
    assert ask(make(), "GET", server.url + "/data") == 200
    assert len(server.log()) == 1


def redirects(token: str, path: str, to: str) -> dict[str, Any]:
    return {"match": {"path": path, "token": token}, "respond": {"status": 307, "headers": {"Location": [to]}}}


@pytest.mark.parametrize("ask", REDIRECTED)
def test_only_the_last_hop_of_a_redirect_is_sent_again(server: TestServer, make: Make, ask: Any) -> None:
    turned_away = {"match": {"path": "/b", "token": "AT-1"}, "respond": {"status": 401}}
    server.script(redirects("AT-1", "/a", "/b"), turned_away, grants(2), accepts("AT-2"))
    assert ask(make(), "GET", server.url + "/a") == 200
    assert [one["path"] for one in server.log()] == ["/a", "/b", "/token", "/b"]


_TO_LOGIN = {"status": "3xx", "location": True, "equals": "/login", "verdict": "expired", "applied": "no"}
LOGIN = {"api": {"rules": [_TO_LOGIN]}}


# spec 2.11
@each_adapter
def test_a_redirect_to_the_login_page_refreshes(server: TestServer, make: Make, ask: Any) -> None:
    page = {"match": {"path": "/login"}, "respond": {"text": "Sign in"}}
    followed = [] if ask in REDIRECTED else [page]
    server.script(redirects("AT-1", "/data", "login?next=1"), *followed, grants(2), accepts("AT-2"))
    session = make(dialect=LOGIN)
    assert ask(session, "POST", server.url + "/data", content=b"abc") == 200
    assert server.log()[-1]["body"] == "abc"


# spec 2.11
@pytest.mark.parametrize("ask", REDIRECTED)
def test_a_redirect_to_the_login_page_is_not_followed(server: TestServer, make: Make, ask: Any) -> None:
    server.script(redirects("AT-1", "/data", "/login"), grants(2), redirects("AT-2", "/data", "/login"))
    assert ask(make(dialect=LOGIN), "GET", server.url + "/data") == 307
    assert [one["path"] for one in server.log()] == ["/data", "/token", "/data"]


SEE_THE_END = [one for one in ADAPTERS if one not in REDIRECTED]


@pytest.mark.parametrize("ask", SEE_THE_END)
def test_where_hops_are_not_seen_a_get_is_sent_again_from_its_beginning(
    server: TestServer, make: Make, ask: Any
) -> None:
    turned_away = {"match": {"path": "/b", "token": "AT-1"}, "respond": {"status": 401}}
    again = redirects("AT-2", "/a", "/b"), {"match": {"path": "/b", "token": "AT-2"}}
    server.script(redirects("AT-1", "/a", "/b"), turned_away, grants(2), *again)
    assert ask(make(), "GET", server.url + "/a") == 200
    assert [one["path"] for one in server.log()] == ["/a", "/b", "/token", "/a", "/b"]


# spec 9.5: what was redirected may have happened.
@pytest.mark.parametrize("ask", SEE_THE_END)
def test_where_hops_are_not_seen_a_post_that_was_redirected_is_not_sent_again(
    server: TestServer, make: Make, ask: Any
) -> None:
    away = {"match": {"path": "/a"}, "respond": {"status": 303, "headers": {"Location": ["/b"]}}}
    server.script(away, {"match": {"path": "/b", "token": "AT-1"}, "respond": {"status": 401}}, grants(2))
    session = make()
    assert ask(session, "POST", server.url + "/a", content=b"abc") == 401
    assert session.token().value == "AT-2"
    assert [one["path"] for one in server.log()] == ["/a", "/b", "/token"]


@each_adapter
def test_a_foreign_origin_is_sent_no_token_at_all(server: TestServer, make: Make, ask: Any) -> None:
    other = TestServer()
    other.script({"match": {"path": "/x"}, "respond": {"status": 401}, "repeat": 2})
    session = make()
    server.script(redirects("AT-1", "/a", other.url + "/x"))
    assert ask(session, "GET", server.url + "/a") == 401
    assert ask(session, "GET", other.url + "/x") == 401
    assert all("AT-1" not in str(one["headers"]) for one in other.log())
    assert session.stats()["refreshes_started"] == 0
    other.close()


ODD = [
    "http://{api}@{other}/x",
    "http://{api}:@{other}/x",
    "http://{api}%2f@{other}/x",
    "http://{api};@{other}/x",
    "http://{api} @{other}/x",
    "http://{api}\\@{other}/x",
    "http://u:p@{other}/x",
    "http://{other}#@{api}/x",
    "http://{other}?@{api}/x",
    "//{other}/x",
    "///{other}/x",
    "////{other}/x",
    "/\\{other}/x",
    "http:{other}/x",
    "http:///{other}/x",
    " http://{other}/x",
    "HTTP://{other}/x",
]


# spec 9.2, 9.5: whatever their parsers make of it.
@pytest.mark.parametrize("ask", REDIRECTED)
def test_odd_locations_take_nothing_to_another_origin(server: TestServer, make: Make, ask: Any) -> None:
    reached = 0
    for odd in ODD:
        other = TestServer()
        places = {"api": server.url.removeprefix("http://"), "other": other.url.removeprefix("http://")}
        away = {"status": 302, "headers": {"Location": [odd.format(**places)]}}
        server.script({"match": {"path": "/a"}, "respond": away})
        other.script({"match": {}, "respond": {"status": 200}})
        own = {"X-Otp": "SECRET", "api_key": "SECRET", "DPoP": "SECRET"}
        try:
            ask(make(), "GET", server.url + "/a", headers=own)
        except (requests.RequestException, aiohttp.ClientError, ValueError):
            pass
        for seen in other.log():
            reached += 1
            assert "SECRET" not in str(seen["headers"]) and "AT-1" not in str(seen["headers"]), odd
        other.close()
    # How many of them are followed is the business of each client's version; the others show nothing.
    assert reached > 5


@each_adapter
def test_a_header_of_the_dialects_own_does_not_leave_the_origin(server: TestServer, make: Make, ask: Any) -> None:
    other = TestServer()
    other.script({"match": {"path": "/x"}, "respond": {"status": 401}})
    answer = {"status": 302, "headers": {"Location": [other.url + "/x"]}}
    server.script({"match": {"path": "/a"}, "respond": answer})
    session = make(dialect={"token": {"header": "x-school-token", "scheme": ""}})
    assert ask(session, "GET", server.url + "/a") == 401
    assert dict(server.log()[0]["headers"])["x-school-token"] == "AT-1"
    assert "AT-1" not in str(other.log()[0]["headers"])
    other.close()


@pytest.mark.parametrize("ask", [one for one in ADAPTERS if one not in REDIRECTED])
def test_where_hops_are_not_seen_a_header_of_the_dialects_own_follows_no_redirect(
    server: TestServer, make: Make, ask: Any
) -> None:
    answer = {"status": 302, "headers": {"Location": ["/b"]}}
    server.script({"match": {"path": "/a"}, "respond": answer}, {"match": {"path": "/b"}, "respond": {"status": 401}})
    session = make(dialect={"token": {"header": "x-school-token", "scheme": ""}})
    assert ask(session, "GET", server.url + "/a", headers={"Accept-Language": "de"}) == 401
    first, second = (dict(one["headers"]) for one in server.log())
    assert first["x-school-token"] == "AT-1" and "x-school-token" not in second
    assert first["accept-language"] == second["accept-language"] == "de"
    assert session.stats()["refreshes_started"] == 0


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_the_request_of_a_response_can_be_copied(server: TestServer, make: Make, module: Any) -> None:
    server.script({"match": {"path": "/a"}})
    session = make(dialect={"token": {"header": "x-school-token", "scheme": ""}})
    with module.Client(auth=rekindle.httpx.Auth(session), trust_env=False) as client:
        headers = copy.deepcopy(client.get(server.url + "/a").request.headers)
    assert headers["x-school-token"] == "AT-1" and "x-school-token" not in dict(headers.items())


@each_adapter
def test_a_dead_sign_in_is_login_required(server: TestServer, make: Make, ask: Any) -> None:
    dead = {"match": {"path": "/token"}, "respond": {"status": 400, "json": {"error": "invalid_grant"}}}
    server.script(turns_away("AT-1"), dead)
    with pytest.raises(rekindle.LoginRequired) as caught:
        ask(make(), "GET", server.url + "/data")
    assert caught.value.oauth_error == "invalid_grant"


@each_adapter
def test_a_token_that_is_turned_away_anew_ends_it(server: TestServer, make: Make, ask: Any) -> None:
    server.script(turns_away("AT-1"), grants(2), turns_away("AT-2"))
    assert ask(make(), "GET", server.url + "/data") == 401
    assert [one["path"] for one in server.log()] == ["/data", "/token", "/data"]


def test_threads_that_share_an_adapter_share_one_refresh(server: TestServer, make: Make) -> None:
    server.script(turns_away("AT-1", barrier=10), grants(2), accepts("AT-2", repeat=10))
    session = make()
    with ThreadPoolExecutor(10) as pool:
        asked = [pool.submit(by_requests, session, "GET", server.url + "/data") for _ in range(10)]
        assert [one.result() for one in asked] == [200] * 10
    assert [one["path"] for one in server.log()].count("/token") == 1


# httpx tells the length of a whole file, wherever it stands, and sends none from its async client.
@pytest.mark.parametrize(
    ("ask", "begins"),
    [(by_requests, 5), (by_aiohttp, 5), (by_httpx, 0), (by_httpx2, 0)],
)
@pytest.mark.parametrize("in_memory", [False, True])
def test_a_file_is_sent_again_from_where_it_was(
    server: TestServer, make: Make, tmp_path: Path, ask: Any, begins: int, in_memory: bool
) -> None:
    content = b"head abc"
    (tmp_path / "f").write_bytes(content)
    whole = {"match": {"token": "AT-2", "body_contains": "abc"}, "respond": {"status": 201}}
    server.script(turns_away("AT-1"), grants(2), whole)
    with io.BytesIO(content) if in_memory else open(tmp_path / "f", "rb") as file:
        file.seek(begins)
        assert ask(make(), "POST", server.url + "/up", content=file) == 201
        assert not file.closed
    sent = [one["body"] for one in server.log() if one["path"] == "/up"]
    assert sent == [content[begins:].decode()] * 2


@pytest.mark.parametrize("kind", ["bytes", "memory", "file", "text"])
def test_a_form_of_aiohttp_is_sent_again_whole(server: TestServer, make: Make, tmp_path: Path, kind: str) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    server.script(turns_away("AT-1"), grants(2), accepts("AT-2"))
    with open(tmp_path / "f", "rb") as file:
        form = aiohttp.FormData()
        form.add_field("a", "1")
        form.add_field("f", {"bytes": b"abc", "memory": io.BytesIO(b"abc"), "file": file, "text": "abc"}[kind], filename="f")
        assert by_aiohttp(make(), "POST", server.url + "/up", content=form) == 200
    first, second = (one["body"] for one in server.log() if one["path"] == "/up")
    assert first == second and "abc" in second


@pytest.mark.parametrize("ask", [by_httpx, by_httpx2])
def test_a_list_of_pieces_is_sent_again(server: TestServer, make: Make, ask: Any) -> None:
    server.script(turns_away("AT-1"), grants(2), accepts("AT-2"))
    assert ask(make(), "POST", server.url + "/up", content=[b"a", b"bc"]) == 200


@pytest.mark.parametrize("body", [io.StringIO("abc"), iter([b"abc"])])
def test_what_aiohttp_can_send_once_is_not_sent_empty(server: TestServer, make: Make, body: Any) -> None:
    server.script(turns_away("AT-1"), grants(2), {"match": {"token": "AT-2", "body_contains": "abc"}})
    is_text = isinstance(body, io.StringIO)
    assert by_aiohttp(make(), "POST", server.url + "/up", content=body) == (200 if is_text else 401)


@pytest.mark.parametrize("ask", [by_httpx, by_async_httpx, by_requests])
def test_a_form_with_files_of_bytes_is_sent_again(server: TestServer, make: Make, ask: Any) -> None:
    whole = {"match": {"token": "AT-2", "body_contains": "abc"}, "respond": {"status": 201}}
    server.script(turns_away("AT-1"), grants(2), whole)
    assert ask(make(), "POST", server.url + "/up", files={"f": ("f.txt", b"abc")}) == 201


# spec 9.2: two parsers disagree on whose URL that is.
@pytest.mark.parametrize("dialect", [None, {"token": {"header": "x-school-token", "scheme": ""}}])
def test_a_location_that_parsers_read_differently_gets_nothing_of_ours(
    server: TestServer, make: Make, dialect: Any
) -> None:
    other = TestServer()
    other.script({"match": {}, "respond": {"status": 401}, "repeat": 3})
    api, there = server.url.removeprefix("http://"), other.url.removeprefix("http://")
    session = make() if dialect is None else make(dialect=dialect)
    for target in (f"http://{api}\\@{there}/x", f"http://{api}%5C@{there}/x", f"//{api}\\@{there}/x"):
        server.script({"match": {"path": "/a"}, "respond": {"status": 302, "headers": {"Location": [target]}}})
        assert by_requests(session, "GET", server.url + "/a") == 401
    assert other.log() and "AT-1" not in str([one["headers"] for one in other.log()])
    other.close()


# spec 9.2
def test_after_a_replay_neither_the_old_nor_the_new_token_leaves_the_origin(server: TestServer, make: Make) -> None:
    other = TestServer()
    other.script({"match": {}})
    away = {"match": {"path": "/a"}, "respond": {"status": 302, "headers": {"Location": [other.url + "/x"]}}}
    server.script({"match": {"path": "/a"}, "respond": {"status": 401}}, grants(2), away)
    session = make(dialect={"token": {"header": "x-school-token", "scheme": ""}})
    own = {"X-Otp": "SECRET", "Api_key": "SECRET", "DPoP": "SECRET", "Accept-Language": "de"}
    assert by_requests(session, "GET", server.url + "/a", headers=own) == 200
    sent = dict(other.log()[0]["headers"])
    assert sent["accept-language"] == "de"
    assert not any(word in str(sent) for word in ("AT-1", "AT-2", "SECRET"))
    other.close()


# spec 3.5: what was found is told.
def test_a_response_says_what_was_found(server: TestServer, make: Make) -> None:
    server.script(turns_away("AT-1"), grants(2))
    once = iter([b"abc"])
    session = make()
    response = requests.post(server.url + "/up", data=once, auth=rekindle.requests.Auth(session))
    judged = response.rekindle  # type: ignore[attr-defined]
    assert (judged.verdict.name, judged.replay_refused) == ("expired", "body_not_replayable")
    assert session.token().value == "AT-2"
    server.script({"match": {"path": "/no"}, "respond": {"status": 403}})
    with httpx.Client(auth=rekindle.httpx.Auth(session), trust_env=False) as client:
        found = client.get(server.url + "/no").extensions["rekindle"]
    assert (found.verdict.name, found.replay_refused) == ("denied", None)


BASES: Any = [
    (by_httpx, httpx.HTTPError, httpx.TimeoutException, httpx.Timeout(5, read=0.5)),
    (by_httpx2, httpx2.HTTPError, httpx2.TimeoutException, httpx2.Timeout(5, read=0.5)),
    (by_async_httpx, httpx.HTTPError, httpx.TimeoutException, httpx.Timeout(5, read=0.5)),
    (by_requests, requests.RequestException, requests.Timeout, (5, 0.5)),
    (by_aiohttp, aiohttp.ClientError, asyncio.TimeoutError, aiohttp.ClientTimeout(total=0.5)),
]


# spec 3.5
@pytest.mark.parametrize(("by", "base", "timeout", "limit"), BASES)
def test_an_error_is_also_one_of_the_client_and_has_its_response(
    server: TestServer, make: Make, by: Any, base: type[Exception], timeout: Any, limit: Any
) -> None:
    dead = {"match": {"path": "/token"}, "respond": {"status": 400, "json": {"error": "invalid_grant"}}}
    server.script(turns_away("AT-1"), dead)
    with pytest.raises(base) as caught:
        by(make(), "GET", server.url + "/data")
    error: Any = caught.value
    assert isinstance(error, rekindle.LoginRequired) and error.oauth_error == "invalid_grant"
    assert getattr(error.response, "status_code", None) or error.response.status == 401
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is rekindle.LoginRequired and str(again) == str(error)


@pytest.mark.parametrize(("by", "base", "timeout", "limit"), BASES)
def test_the_clients_timeout_bounds_the_wait_for_a_refresh(
    server: TestServer, make: Make, by: Any, base: type[Exception], timeout: Any, limit: Any
) -> None:
    server.script(turns_away("AT-1"), grants(2, hold="until the test is over"))
    began = time.monotonic()
    with pytest.raises(timeout):
        by(make(), "GET", server.url + "/data", timeout=limit)
    assert time.monotonic() - began < 20
    server.release("until the test is over")


# spec 3.4
@pytest.mark.parametrize("by", [by_httpx, by_httpx2, by_requests])
def test_a_form_with_files_is_replayed(server: TestServer, make: Make, by: Any, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_bytes(b"from a file")
    for files in ({"a": b"bytes"}, {"a": ("a.txt", open(path, "rb"), "text/plain")}):
        server.script(turns_away("AT-1"), grants(2), accepts("AT-2"))
        assert by(make(), "POST", server.url + "/up", files=files) == 200
        first, second = (one["body"] for one in server.log() if one["path"] == "/up")
        assert first == second and "name=\"a\"" in second
