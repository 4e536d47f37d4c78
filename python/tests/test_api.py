"""The API, line by line, as it is promised; the same through both clients."""

from __future__ import annotations

import asyncio
import io
import json
import queue
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import rekindle
from conftest import Make, accepts, grants, turns_away
from rekindle.testing import TestServer

Ask = Callable[..., Any]


def sync(session: rekindle.Session, url: str, name: str, *args: Any, **given: Any) -> Any:
    with rekindle.Client(session, base_url=url) as client:
        return getattr(client, name)(*args, **given)


def awaited(session: rekindle.Session, url: str, name: str, *args: Any, **given: Any) -> Any:
    async def ask() -> Any:
        async with rekindle.AsyncClient(session, base_url=url) as client:
            return await getattr(client, name)(*args, **given)

    return asyncio.run(ask())


both = pytest.mark.parametrize("ask", [sync, awaited])


def test_the_example_of_the_readme_for_threads(server: TestServer, tmp_path: Path) -> None:
    server.script(
        accepts("AT-1", {"a": 1}),
        {"match": {"path": "/graphql"}, "respond": {"json": {"data": {"students": []}}}},
    )
    heard: queue.Queue[rekindle.Event] = queue.Queue()
    session = rekindle.Session(
        dialect="oauth2",
        token_url=server.url + "/oauth/token",
        client_id="app",
        client_secret=None,
        access_token="AT-1",
        refresh_token="RT-1",
        expires_in=900,
        store=rekindle.FileStore(tmp_path / "credential.json"),
        origins=[server.url],
        on_event=heard.put,
    )
    with rekindle.Client(session, base_url=server.url) as client:
        r = client.get("/data", params={"q": 1}, timeout=5)
        assert (r.status_code, r.is_success, r.ok, r.reason_phrase) == (200, True, True, "OK")
        assert r.headers["Content-Type"].startswith("application/json") and "content-type" in r.headers
        assert (r.content, r.text, r.json()) == (b'{"a":1}', '{"a":1}', {"a": 1})
        assert r.raise_for_status() is r and r.url == server.url + "/data?q=1" and r.history == []
        assert timedelta(0) < r.elapsed < timedelta(seconds=5)
        assert client.graphql("{ students(limit: 5) { id fullName } }", variables={}) == {"students": []}
    assert session.token().value == "AT-1"
    session.invalidate()
    assert session.token_if_valid() is None and not session.status().valid
    assert session.stats()["sign_ins"] == 1
    assert heard.get(timeout=10).name == "SignedIn"


def test_the_example_of_the_readme_for_tasks(server: TestServer, make: Make) -> None:
    server.script(accepts("AT-1", {"a": 1}), {"match": {"path": "/big"}, "respond": {"text": "x" * 200_000}})
    session = make()

    async def ask() -> tuple[Any, int, str]:
        async with rekindle.AsyncClient(session, base_url=server.url) as client:
            r = await client.get("/data")
            length = 0
            async with client.stream("GET", "/big") as big:
                async for chunk in big.aiter_bytes():
                    length += len(chunk)
            return r.json(), length, (await rekindle.AsyncSession.of(session).token()).authorization

    assert asyncio.run(ask()) == ({"a": 1}, 200_000, "Bearer AT-1")


@both
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "head", "options"])
def test_each_method_is_sent_as_it_is_called(server: TestServer, make: Make, ask: Ask, method: str) -> None:
    server.script({"match": {"method": method.upper(), "token": "AT-1"}, "respond": {"status": 204}})
    assert ask(make(), server.url, method, "/x").status_code == 204


@both
def test_any_other_method_by_request(server: TestServer, make: Make, ask: Ask) -> None:
    server.script({"match": {"method": "REPORT"}, "respond": {"status": 207}})
    assert ask(make(), server.url, "request", "REPORT", "/x").status_code == 207


@both
@pytest.mark.parametrize(
    ("params", "target"),
    [
        ({"a": 1, "b": "x y", "c": None}, "/x?z=0&a=1&b=x+y"),
        ({"a": [1, 2], "t": True}, "/x?z=0&a=1&a=2&t=true"),
        ([("a", 1), ("a", 2.5)], "/x?z=0&a=1&a=2.5"),
    ],
)
def test_params_are_added_to_the_query(
    server: TestServer, make: Make, ask: Ask, params: Any, target: str
) -> None:
    server.script(accepts("AT-1"))
    ask(make(), server.url, "get", "/x?z=0", params=params)
    assert server.log()[0]["target"] == target


@both
def test_headers_are_a_mapping_or_pairs_and_come_over_the_clients(
    server: TestServer, make: Make, ask: Ask
) -> None:
    server.script(accepts("AT-1", repeat=2))
    session = make()
    ask(session, server.url, "get", "/x", headers={"X-A": "1", b"X-B": b"2"}, idempotency_key="K")
    sent = dict(server.log()[0]["headers"])
    assert (sent["x-a"], sent["x-b"], sent["idempotency-key"]) == ("1", "2", "K")
    with rekindle.Client(session, base_url=server.url, headers={"x-a": "client", "x-c": "3"}) as client:
        client.get("/x", headers=[("x-a", "request")])
    sent = dict(server.log()[1]["headers"])
    assert (sent["x-a"], sent["x-c"]) == ("request", "3")
    assert sent["user-agent"].startswith("rekindle/")


def _pieces() -> Iterator[bytes]:
    yield b"a"
    yield b"bc"


async def _async_pieces() -> AsyncIterator[bytes]:
    yield b"a"
    yield b"bc"


@both
@pytest.mark.parametrize(
    ("given", "media_type", "body"),
    [
        ({"json": {"ä": [1, None]}}, "application/json", '{"ä":[1,null]}'),
        ({"data": {"a": "1 2", "b": [1, 2]}}, "application/x-www-form-urlencoded", "a=1+2&b=1&b=2"),
        ({"content": b"abc"}, None, "abc"),
        ({"content": bytearray(b"abc")}, None, "abc"),
        ({"content": "grün"}, None, "grün"),
        ({"content": lambda: io.BytesIO(b"abc")}, None, "abc"),
        ({"content": [b"a", "bc"]}, None, "abc"),
        ({"json": 1, "headers": {"content-type": "application/x"}}, "application/x", "1"),
    ],
)
def test_a_body_is_sent_as_it_was_given(
    server: TestServer, make: Make, ask: Ask, given: dict[str, Any], media_type: str | None, body: str
) -> None:
    server.script(accepts("AT-1"))
    # A file is read from where it stands: each test needs a new one.
    fresh = {name: one() if callable(one) else one for name, one in given.items()}
    ask(make(), server.url, "post", "/x", **fresh)
    sent = server.log()[0]
    assert (dict(sent["headers"]).get("content-type"), sent["body"]) == (media_type, body)


def test_iterators_are_sent_piece_by_piece(server: TestServer, make: Make) -> None:
    server.script(accepts("AT-1", repeat=3))
    sync(make(), server.url, "post", "/x", content=_pieces())
    awaited(make(), server.url, "post", "/x", content=_pieces())
    awaited(make(), server.url, "post", "/x", content=_async_pieces())
    assert [one["body"] for one in server.log()] == ["abc"] * 3


@both
def test_files_are_multipart_with_name_and_media_type(
    server: TestServer, make: Make, ask: Ask, tmp_path: Path
) -> None:
    server.script(accepts("AT-1"))
    (tmp_path / "notes.txt").write_text("inside")
    with open(tmp_path / "notes.txt", "rb") as file:
        files = [("a", file), ("b", ("b.json", b"{}")), ("c", ("c.bin", b"0", "x/y")), ("d", b"bare")]
        ask(make(), server.url, "post", "/x", files=files, data={"field": "value"})
    sent = server.log()[0]
    assert dict(sent["headers"])["content-type"].startswith("multipart/form-data; boundary=")
    for part in ('name="a"; filename="notes.txt"', "text/plain", "inside", "application/json", "x/y", 'name="field"'):
        assert part in sent["body"]


@both
def test_a_body_that_cannot_be_sent_twice_is_told(server: TestServer, make: Make, ask: Ask) -> None:
    server.script(turns_away("AT-1"), grants(2))
    response = ask(make(), server.url, "post", "/up", content=_pieces())
    assert (response.status_code, response.replay_refused) == (401, "body_not_replayable")
    assert (response.verdict.name, response.verdict.reason) == ("expired", "unknown")


@both
def test_redirects_are_followed_and_told_or_not(server: TestServer, make: Make, ask: Ask) -> None:
    moved = {"match": {"path": "/a"}, "respond": {"status": 302, "headers": {"Location": ["/b"]}}, "repeat": 2}
    server.script(moved, {"match": {"path": "/b"}, "respond": {"status": 200}})
    session = make()
    followed = ask(session, server.url, "get", "/a")
    assert (followed.url, followed.history) == (server.url + "/b", [(302, server.url + "/a")])
    left = ask(session, server.url, "get", "/a", follow_redirects=False)
    assert (left.status_code, left.is_redirect, left.headers["location"]) == (302, True, "/b")


@both
def test_a_loop_of_redirects_is_an_error(server: TestServer, make: Make, ask: Ask) -> None:
    moved = {"match": {"path": "/a"}, "respond": {"status": 302, "headers": {"Location": ["/a"]}}, "repeat": "always"}
    server.script(moved)
    with pytest.raises(rekindle.TooManyRedirects):
        ask(make(), server.url, "get", "/a")


@both
def test_errors_have_a_kind_and_what_led_to_them(server: TestServer, make: Make, ask: Ask) -> None:
    server.script(
        turns_away("AT-1"),
        {"match": {"path": "/token"}, "respond": {"status": 400, "json": {"error": "invalid_grant"}}},
    )
    with pytest.raises(rekindle.RekindleError) as caught:
        ask(make(), server.url, "get", "/x")
    error = caught.value
    assert isinstance(error, rekindle.LoginRequired)
    assert (error.kind, error.retryable, error.oauth_error) == ("LoginRequired", False, "invalid_grant")
    assert error.response is not None and error.response.status_code == 401


@both
def test_timeouts_and_json_errors_are_pythons_own_too(server: TestServer, make: Make, ask: Ask) -> None:
    server.script(
        {"match": {"path": "/slow"}, "hold": "for ever", "respond": {"status": 200}},
        {"match": {"path": "/html"}, "respond": {"text": "<html>"}},
    )
    session = make()
    with pytest.raises(TimeoutError) as late:
        ask(session, server.url, "get", "/slow", timeout=0.1)
    assert isinstance(late.value, rekindle.Timeout) and late.value.kind == "Timeout" and late.value.retryable
    with pytest.raises(json.JSONDecodeError) as broken:
        ask(session, server.url, "get", "/html").json()
    assert isinstance(broken.value, rekindle.InvalidResponse) and broken.value.response is not None


@both
def test_a_stream_gives_bytes_text_and_lines(server: TestServer, make: Make, ask: Ask) -> None:
    text = "grün\nzwei\r\ndrei" * 3
    server.script({"match": {"path": "/x"}, "respond": {"text": text}, "repeat": 3})
    session = make()
    read: list[Any] = []

    def threads(name: str) -> None:
        with rekindle.Client(session, base_url=server.url).stream("GET", "/x") as response:
            read.append(list(getattr(response, name)()))

    async def tasks(name: str) -> None:
        async with rekindle.AsyncClient(session, base_url=server.url) as client:
            async with client.stream("GET", "/x") as response:
                read.append([one async for one in getattr(response, "a" + name)()])

    for name in ("iter_bytes", "iter_text", "iter_lines"):
        threads(name) if ask is sync else asyncio.run(tasks(name))
    assert b"".join(read[0]).decode() == "".join(read[1]) == text
    assert read[2] == text.splitlines()


def test_a_stream_that_is_left_early_gives_its_connection_up(server: TestServer, make: Make) -> None:
    server.script({"match": {"path": "/x"}, "respond": {"text": "x" * 5_000_000}}, accepts("AT-1"))
    with rekindle.Client(make(), base_url=server.url) as client:
        with client.stream("GET", "/x") as response:
            assert next(response.iter_bytes())
        assert client.get("/y").status_code == 200


def test_each_call_of_a_session_has_its_async_twin(server: TestServer, make: Make) -> None:
    server.script(grants(2), grants(3))
    session = make()
    given = rekindle.Credential(access_token="AT-9", refresh_token="RT-1")

    async def calls() -> list[Any]:
        told: list[Any] = [(await rekindle.AsyncSession.of(session).token()).value, (await rekindle.AsyncSession.of(session).force_refresh()).value]
        told.append((await rekindle.AsyncSession.of(session).status(fresh=True)).generation)
        await rekindle.AsyncSession.of(session).sign_in(given)
        told.append((await rekindle.AsyncSession.of(session).token(min_life=1)).value)
        await rekindle.AsyncSession.of(session).sign_out()
        told.append((await rekindle.AsyncSession.of(session).status()).standing)
        told.append(await rekindle.AsyncSession.of(session).shutdown(5))
        return told

    assert asyncio.run(calls()) == ["AT-1", "AT-2", 2, "AT-9", "signed_out", True]
    session.sign_in(given)
    assert (session.token().value, session.refresh().value, session.status(fresh=True).valid) == ("AT-9", "AT-3", True)
    session.sign_out()
    assert session.shutdown(5) and session.stats()["sign_outs"] == 2


def test_clients_share_a_session_and_close_on_their_own(server: TestServer, make: Make) -> None:
    server.script(accepts("AT-1", repeat=2))
    session = make()
    first, second = (rekindle.Client(session, base_url=server.url) for _ in range(2))
    first.get("/x")
    first.close()
    first.close()
    assert second.get("/x").status_code == 200

    async def close() -> None:
        client = rekindle.AsyncClient(session, base_url=server.url)
        await client.aclose()
        with pytest.raises(rekindle.Misuse, match="closed"):
            await client.get("/x")

    asyncio.run(close())


def test_types_are_real_at_run_time() -> None:
    for name in rekindle.__all__:
        assert hasattr(rekindle, name), name
    assert isinstance(rekindle.MemoryStore, type)
    assert rekindle.__version__.count(".") == 2


def test_streams_of_many_threads_do_not_stall_each_other(server: TestServer, make: Make) -> None:
    server.script({"match": {"path": "/big"}, "respond": {"text": "x" * 3_000_000}, "repeat": 12}, accepts("AT-1", repeat=36))
    client = rekindle.Client(make(), base_url=server.url)

    def read(_: int) -> int:
        length = 0
        with client.stream("GET", "/big", timeout=20) as response:
            for number, chunk in enumerate(response.iter_bytes()):
                length += len(chunk)
                if number < 3:
                    client.get("/small")
        return length

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, range(12))) == [3_000_000] * 12


def test_a_stream_may_be_read_by_another_thread(server: TestServer, make: Make) -> None:
    server.script({"match": {"path": "/big"}, "respond": {"text": "x" * 3_000_000}})
    client = rekindle.Client(make(), base_url=server.url)
    with client.stream("GET", "/big") as response, ThreadPoolExecutor(1) as pool:
        chunks = response.iter_bytes()
        first = next(chunks)
        assert len(first) + pool.submit(lambda: sum(map(len, chunks))).result(20) == 3_000_000
