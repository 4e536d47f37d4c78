from __future__ import annotations

import asyncio
import io
import os
import signal
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import rekindle
from conftest import Make, accepts, grants, turns_away
from rekindle.testing import TestServer


def paths(server: TestServer) -> list[str]:
    return [request["path"] for request in server.log()]


def test_a_401_is_refreshed_and_replayed(server: TestServer, make: Make) -> None:
    server.script(turns_away("AT-1"), grants(2), accepts("AT-2", {"q": 1}))
    with rekindle.Client(make(), base_url=server.url) as client:
        response = client.get("/data", params={"q": 1}, timeout=5)
    assert (response.status_code, response.is_success, response.json()) == (200, True, {"q": 1})
    assert paths(server) == ["/data", "/token", "/data"]


def test_so_it_is_for_async(server: TestServer, make: Make) -> None:
    server.script(turns_away("AT-1"), grants(2), accepts("AT-2", {"q": 1}))

    async def ask() -> object:
        async with rekindle.AsyncClient(make(), base_url=server.url) as client:
            return (await client.get("/data")).json()

    assert asyncio.run(ask()) == {"q": 1}
    assert paths(server) == ["/data", "/token", "/data"]


def test_thirty_threads_turned_away_at_once_share_one_refresh(server: TestServer, make: Make) -> None:
    server.script(turns_away("AT-1", barrier=30), grants(2), accepts("AT-2", repeat=30))
    client = rekindle.Client(make(), base_url=server.url)
    with ThreadPoolExecutor(30) as pool:
        statuses = [one.status_code for one in pool.map(client.get, ["/data"] * 30)]
    assert statuses == [200] * 30
    assert paths(server).count("/token") == 1


def test_two_hundred_tasks_turned_away_at_once_share_one_refresh(server: TestServer, make: Make) -> None:
    server.script(turns_away("AT-1", barrier=200), grants(2), accepts("AT-2", repeat=200))

    async def ask() -> set[int]:
        async with rekindle.AsyncClient(make(), base_url=server.url) as client:
            answers = await asyncio.gather(*(client.get("/data") for _ in range(200)))
        return {one.status_code for one in answers}

    assert asyncio.run(ask()) == {200}
    assert paths(server).count("/token") == 1


def test_another_origin_gets_no_token(server: TestServer, make: Make) -> None:
    other = TestServer()
    other.script(accepts(""))
    rekindle.Client(make(), base_url=server.url).get(other.url + "/data")
    assert len(other.log()) == 1
    other.control("GET", "/__consumed")
    other.close()


@pytest.mark.parametrize("content", [b"abc", "abc", [b"a", b"bc"], io.BytesIO(b"abc")])
def test_a_body_that_can_be_sent_twice_is_replayed_whole(server: TestServer, make: Make, content: object) -> None:
    whole = {"path": "/up", "body_contains": "abc"}
    server.script(
        {"match": {**whole, "token": "AT-1"}, "respond": {"status": 401}},
        grants(2),
        {"match": {**whole, "token": "AT-2"}, "respond": {"status": 201}},
    )
    assert rekindle.Client(make(), base_url=server.url).post("/up", content=content).status_code == 201


def test_a_body_that_cannot_is_never_sent_empty_and_that_is_told(server: TestServer, make: Make) -> None:
    server.script(turns_away("AT-1"), grants(2))
    session = make()
    response = rekindle.Client(session, base_url=server.url).post("/up", content=iter([b"a", b"bc"]))
    assert (response.status_code, response.replay_refused) == (401, "body_not_replayable")
    assert paths(server).count("/up") == 1
    assert session.token().value == "AT-2"


def test_an_async_iterator_is_sent(server: TestServer, make: Make) -> None:
    server.script({"match": {"body_contains": "abc"}, "respond": {"status": 201}})

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"bc"

    async def send() -> int:
        async with rekindle.AsyncClient(make(), base_url=server.url) as client:
            return (await client.post("/up", content=pieces())).status_code

    assert asyncio.run(send()) == 201


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({"json": {"a": 1}}, '{"a":1}'),
        ({"data": {"a": "1 2"}}, "a=1+2"),
        ({"files": {"f": ("n.txt", b"inside")}, "data": {"a": "x"}}, "inside"),
    ],
)
def test_bodies_are_written_as_asked(server: TestServer, make: Make, given: dict[str, object], seen: str) -> None:
    server.script({"match": {"method": "POST", "body_contains": seen}, "respond": {"status": 201}})
    assert rekindle.Client(make(), base_url=server.url).post("/up", **given).status_code == 201  # type: ignore[arg-type]


def test_graphql_gives_data_or_the_typed_error(server: TestServer, make: Make) -> None:
    wrong = {"errors": [{"message": "no such field", "extensions": {"code": "BAD"}}]}
    server.script(
        {"match": {"path": "/graphql"}, "respond": {"json": {"data": {"a": [1, None]}}}},
        {"match": {"path": "/graphql"}, "respond": {"json": wrong}},
    )
    client = rekindle.Client(make(), base_url=server.url)
    assert client.graphql("{ a }", variables={}) == {"a": [1, None]}
    with pytest.raises(rekindle.GraphQL) as caught:
        client.graphql("{ b }")
    assert [one.code for one in caught.value.graphql_errors] == ["BAD"]


def test_a_deadline_is_a_timeout_error(server: TestServer, make: Make) -> None:
    server.script({"match": {"path": "/slow"}, "hold": "for ever", "respond": {"status": 200}})
    with pytest.raises(TimeoutError) as caught:
        rekindle.Client(make(), base_url=server.url).get("/slow", timeout=0.2)
    assert isinstance(caught.value, rekindle.Timeout)


def test_a_refused_connection_is_a_connection_error(make: Make) -> None:
    with pytest.raises(ConnectionError) as caught:
        rekindle.Client(make(), base_url="http://127.0.0.1:1", max_sends=1).get("/")
    assert isinstance(caught.value, rekindle.Connection) and caught.value.retryable


def test_keyboard_interrupt_ends_a_waiting_call_and_not_the_refresh(server: TestServer, make: Make) -> None:
    server.script(grants(2, hold="answer"))
    session = make(expires_at=1.0)

    def interrupt() -> None:
        server.log(wait=1)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        session.token()
    server.release("answer")
    assert session.token().value == "AT-2"
    assert len(server.log()) == 1


def test_a_closed_client_says_so(server: TestServer, make: Make) -> None:
    client = rekindle.Client(make(), base_url=server.url)
    client.close()
    with pytest.raises(rekindle.Misuse, match="closed"):
        client.get("/")


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("params", 3), ("headers", [1]), ("json", {1j: 2}), ("content", 5), ("timeout", -1), ("timeout", "5"),
        ("data", 4), ("files", {"f": 3}),
    ],
)  # fmt: skip
def test_a_wrong_argument_of_a_request_is_named(make: Make, argument: str, value: object) -> None:
    with pytest.raises(rekindle.InvalidConfig, match=argument):
        rekindle.Client(make(), base_url="http://127.0.0.1:1").post("/", **{argument: value})  # type: ignore[arg-type]


def test_an_unknown_option_of_a_request_is_named(make: Make) -> None:
    with pytest.raises(TypeError, match="timout"):
        rekindle.Client(make(), base_url="http://127.0.0.1:1").get("/", timout=1)  # type: ignore[call-arg]


def test_a_method_may_be_written_in_any_case(server: TestServer, make: Make) -> None:
    server.script({"match": {"method": "GET"}, "respond": {"status": 200}})
    assert rekindle.Client(make(), base_url=server.url).request("get", "/data").status_code == 200


def test_a_request_goes_without_the_token_or_with_a_name_and_password(server: TestServer, make: Make) -> None:
    server.script(
        {"match": {"path": "/health"}, "respond": {"status": 401}},
        {"match": {"path": "/data"}, "respond": {"status": 200}},
    )
    client = rekindle.Client(make(), base_url=server.url)
    answer = client.get("/health", auth=None)
    assert (answer.status_code, answer.verdict) == (401, None)
    client.get("/data", auth=("ada", "s3cret"))
    sent = [dict(request["headers"]).get("authorization") for request in server.log()]
    assert sent == [None, "Basic YWRhOnMzY3JldA=="]
    with pytest.raises(rekindle.InvalidConfig, match="auth"):
        client.get("/data", auth="ada")  # type: ignore[arg-type]


def test_a_request_says_how_often_and_after_which_statuses(server: TestServer, make: Make) -> None:
    server.script(
        {"match": {"path": "/data"}, "respond": {"status": 500}, "repeat": 3},
        {"match": {"path": "/data"}, "respond": {"status": 200}},
    )
    client = rekindle.Client(make(), base_url=server.url)
    assert client.get("/data", max_sends=4, retry_statuses=[500]).status_code == 200
    assert len(server.log()) == 4
    for wrong in ({"max_sends": 0}, {"retry_statuses": [200]}, {"retry_statuses": "500"}, {"replay": "no"}):
        with pytest.raises(rekindle.InvalidConfig, match=next(iter(wrong))):
            client.get("/data", **wrong)  # type: ignore[arg-type]
    with pytest.raises(rekindle.InvalidConfig, match="max_sends"):
        rekindle.Client(make(), base_url=server.url, max_sends=0)


def test_a_post_that_only_reads_is_sent_again(server: TestServer, make: Make) -> None:
    server.script(
        {"match": {"method": "POST"}, "respond": {"status": 503}},
        {"match": {"method": "POST"}, "respond": {"status": 200}},
    )
    client = rekindle.Client(make(), base_url=server.url)
    assert client.post("/search", json={"q": 1}, replay=True).status_code == 200


def test_graphql_takes_what_a_request_takes_and_keeps_the_order_of_keys(server: TestServer, make: Make) -> None:
    body = '"variables":{"z":1,"a":12345678901234567890},"operationName":"B"'
    server.script(
        {
            "match": {"body_contains": body},
            "respond": {"text": '{"data": {"z": 1, "a": 98765432109876543210987}}'},
        }
    )
    client = rekindle.Client(make(), base_url=server.url)
    document = "query A { a } query B { z }"
    variables = {"z": 1, "a": 12345678901234567890}
    data = client.graphql(document, variables, operation_name="B", headers={"x-trace": "7f"}, timeout=10)
    assert list(data.items()) == [("z", 1), ("a", 98765432109876543210987)]
    assert dict(server.log()[0]["headers"])["x-trace"] == "7f"


def test_a_client_without_base_url_and_origins_is_refused(make: Make) -> None:
    with pytest.raises(rekindle.InvalidConfig, match="base_url"):
        rekindle.Client(make(origins=[]))


def test_urls_of_other_libraries_are_taken(server: TestServer, make: Make) -> None:
    httpx = pytest.importorskip("httpx")
    server.script({"match": {"path": "/data"}, "respond": {"status": 200}})
    client = rekindle.Client(make(), base_url=httpx.URL(server.url))
    assert client.get(httpx.URL(server.url + "/data")).status_code == 200
    with pytest.raises(rekindle.InvalidConfig, match="url must be text"):
        client.get(7)
