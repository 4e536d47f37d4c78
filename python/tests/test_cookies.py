"""Cookies (rule 9.11), traces (rule 11.9), and hooks of a client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import rekindle
from rekindle.testing import TestServer

Make = Callable[..., rekindle.Session]


def answers(server: TestServer, *headers: dict[str, Any]) -> None:
    server.script(*({"match": {"path": "/data"}, "respond": {"status": 200, "headers": one}} for one in headers))


def sent(server: TestServer, name: str) -> list[str]:
    """The values of a header, request by request; empty for none."""
    return [dict(request["headers"]).get(name, "") for request in server.log()]


def test_a_client_keeps_cookies_where_it_is_asked_to(server: TestServer, make: Make) -> None:
    answers(server, {"set-cookie": ["a=1; Path=/", "b=2; Path=/"]}, {}, {}, {})
    client = rekindle.Client(make(), base_url=server.url, cookies={"theme": "dark"})
    assert client.get("/data").cookies == {"a": "1", "b": "2"}
    assert client.cookies == {"a": "1", "b": "2", "theme": "dark"}
    client.get("/data", cookies={"a": "own", "c": 3})  # type: ignore[dict-item]
    client.clear_cookies()
    client.get("/data", headers={"cookie": "x=1"}, cookies={"y": "2"})
    assert client.get("/data").cookies == {} == client.cookies
    assert sent(server, "cookie") == ["theme=dark", "a=own; c=3; b=2; theme=dark", "x=1; y=2", ""]


def test_a_client_keeps_none_unless_it_is_asked_to(server: TestServer, make: Make) -> None:
    answers(server, {"set-cookie": "a=1; Path=/"}, {})
    client = rekindle.Client(make(), base_url=server.url)
    assert client.get("/data").cookies == {"a": "1"}
    client.get("/data")
    assert sent(server, "cookie") == ["", ""]
    with pytest.raises(rekindle.Misuse, match="cookies=True"):
        client.cookies


@pytest.mark.parametrize("wrong", [{"a": "1; Domain=evil.test"}, {"a b": "1"}, {"a": "x\ny"}, {"": "1"}, ["a"], "a=1"])
def test_what_is_no_cookie_is_told(server: TestServer, make: Make, wrong: Any) -> None:
    with pytest.raises(rekindle.InvalidConfig, match="cookies"):
        rekindle.Client(make(), base_url=server.url, cookies=wrong)
    with pytest.raises(rekindle.InvalidConfig, match="cookies"):
        rekindle.Client(make(), base_url=server.url).get("/data", cookies=wrong)


def test_a_trace_is_the_same_for_a_replay(server: TestServer, make: Make) -> None:
    server.script(
        {"match": {"token": "AT-1"}, "respond": {"status": 401}},
        {"match": {"path": "/token"}, "respond": {"json": {"access_token": "AT-2", "expires_in": 900}}},
        {"match": {"token": "AT-2"}, "respond": {"status": 200}},
        {"match": {"token": "AT-2"}, "respond": {"status": 200}},
        {"match": {"token": "AT-2"}, "respond": {"status": 200}},
    )
    client = rekindle.Client(make(), base_url=server.url, traceparent=True)
    client.get("/data")
    client.get("/data")
    client.get("/data", headers={"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-00"})
    first, token, again, second, given = sent(server, "traceparent")
    assert first == again != second and not token
    assert given == "00-" + "a" * 32 + "-" + "b" * 16 + "-00"


def test_hooks_see_calls_and_answers_and_no_secret(server: TestServer, make: Make) -> None:
    answers(server, {}, {})
    seen: list[Any] = []
    hooks = {"request": [seen.append], "response": [seen.append, lambda response: response.raise_for_status()]}
    client = rekindle.Client(make(), base_url=server.url, headers={"x-api-key": "sentinel", "accept": "a/b"}, event_hooks=hooks)
    response = client.get("/data", params={"q": "sentinel"}, headers={"Authorization": "Bearer sentinel"})
    with client.stream("GET", "/data?q=sentinel"):
        pass
    asked, answer, streamed, _ = seen
    assert answer is response and "sentinel" not in repr(asked) + repr(streamed)
    assert (asked.method, asked.url) == ("GET", server.url + "/data")
    assert asked.headers == {"x-api-key": "***", "accept": "a/b", "authorization": "***"}


def test_what_a_hook_raises_the_caller_gets(server: TestServer, make: Make) -> None:
    answers(server, {})

    def refuse(_: rekindle.SentRequest) -> None:
        raise KeyError("not today")

    with pytest.raises(KeyError, match="not today"):
        rekindle.Client(make(), base_url=server.url, event_hooks={"request": [refuse]}).get("/data")
    assert sent(server, "accept") == []

    async def slow(one: Any) -> None:
        await asyncio.sleep(0)
        seen.append(one)

    async def main() -> None:
        hooks = {"request": [slow], "response": [slow]}
        async with rekindle.AsyncClient(make(), base_url=server.url, event_hooks=hooks) as client:
            assert [type(one).__name__ for one in seen] == []
            await client.get("/data")

    seen: list[Any] = []
    asyncio.run(main())
    assert [type(one).__name__ for one in seen] == ["SentRequest", "AsyncResponse"]
    with pytest.raises(rekindle.InvalidConfig, match="use AsyncClient"):
        rekindle.Client(make(), base_url=server.url, event_hooks={"request": [slow]}).get("/data")


@pytest.mark.parametrize("wrong", [{"before": []}, {"request": print}, {"request": [1]}, [print], {"response": "x"}])
def test_hooks_that_are_none_are_told(server: TestServer, make: Make, wrong: Any) -> None:
    with pytest.raises(rekindle.InvalidConfig, match="event_hooks"):
        rekindle.Client(make(), base_url=server.url, event_hooks=wrong)
