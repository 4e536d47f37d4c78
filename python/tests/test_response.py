from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

import rekindle
from conftest import Make
from rekindle.testing import TestServer


def answer(server: TestServer, make: Make, **respond: Any) -> rekindle.Response:
    server.script({"match": {"path": "/x"}, "respond": respond})
    return rekindle.Client(make(), base_url=server.url).get("/x", params={"secret": "q"})


def test_a_response_has_what_httpx_has(server: TestServer, make: Make) -> None:
    response = answer(server, make, status=200, text="grün", headers={"X-A": ["1", "2"]})
    assert (response.text, response.content) == ("grün", "grün".encode())
    assert (response.headers["x-a"], response.headers.get_list("X-A")) == ("1, 2", ["1", "2"])
    assert response.elapsed > timedelta(0) and response.history == []
    assert response.url == server.url + "/x?secret=q"
    assert response.raise_for_status() is response


def test_a_status_error_carries_its_response_and_no_query(server: TestServer, make: Make) -> None:
    response = answer(server, make, status=404, json={"why": 1})
    with pytest.raises(rekindle.HttpStatus) as caught:
        response.raise_for_status()
    assert caught.value.status == 404 and "secret" not in str(caught.value) + repr(response)
    assert caught.value.response is response


@pytest.mark.parametrize("body", [{"text": "<html>"}, {"bytes": "/w=="}, {"text": ""}])
def test_what_is_no_json_is_a_json_decode_error_without_the_body(
    server: TestServer, make: Make, body: dict[str, str]
) -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        answer(server, make, status=200, **body).json()
    assert isinstance(caught.value, rekindle.InvalidResponse)
    assert "<html" not in str(caught.value) and caught.value.__context__ is None


@pytest.mark.parametrize(("body", "what"), [("<html>Sign in</html>", "an HTML page"), ("", "is empty"), ("oops", "is not JSON")])
def test_what_came_in_the_place_of_json_is_named(server: TestServer, make: Make, body: str, what: str) -> None:
    with pytest.raises(rekindle.InvalidResponse, match=what):
        answer(server, make, status=200, text=body).json()


def test_a_stream_is_read_as_it_comes(server: TestServer, make: Make) -> None:
    server.script({"match": {"path": "/big"}, "respond": {"text": "x" * 300_000}, "repeat": 3})
    with rekindle.Client(make(), base_url=server.url).stream("GET", "/big") as response:
        with pytest.raises(rekindle.Misuse):
            _ = response.content
        assert sum(map(len, response.iter_bytes())) == 300_000

    async def read() -> tuple[int, int]:
        async with rekindle.AsyncClient(make(), base_url=server.url) as client:
            async with client.stream("GET", "/big") as response:
                pieces = [len(piece) async for piece in response.aiter_bytes()]
            async with client.stream("GET", "/big") as response:
                return sum(pieces), len(await response.aread())

    assert asyncio.run(read()) == (300_000, 300_000)


# spec 11.3
def test_a_stream_is_read_once_and_not_after_it_was_closed(server: TestServer, make: Make) -> None:
    server.script({"match": {"path": "/big"}, "respond": {"text": "a\nb\n" * 100_000}, "repeat": 6})
    client = rekindle.Client(make(), base_url=server.url)

    def second(first: Any, again: Any, *, inside: bool) -> None:
        with client.stream("GET", "/big") as response:
            first(response)
            if inside:
                with pytest.raises(rekindle.Misuse):
                    again(response)
        with pytest.raises(rekindle.Misuse):
            again(response)

    def lines(response: rekindle.Response) -> list[str]:
        return list(response.iter_lines())

    def part(response: rekindle.Response) -> str:
        return next(response.iter_lines())

    second(lines, lines, inside=True)
    second(lines, lambda response: response.read(), inside=True)
    second(part, lambda response: response.read(), inside=True)
    second(part, lines, inside=True)
    second(lambda response: None, lines, inside=False)
    with client.stream("GET", "/big") as response:
        whole = response.read()
        assert lines(response) == ["a", "b"] * 100_000 and response.read() == whole
    assert response.read() == whole and response.content == whole


# spec 11.3
def test_an_async_stream_is_read_once_and_not_after_it_was_closed(server: TestServer, make: Make) -> None:
    server.script({"match": {"path": "/big"}, "respond": {"text": "x" * 300_000}, "repeat": 2})

    async def run() -> None:
        async with rekindle.AsyncClient(make(), base_url=server.url) as client:
            async with client.stream("GET", "/big") as response:
                assert len([line async for line in response.aiter_lines()]) == 1
                with pytest.raises(rekindle.Misuse):
                    await response.aread()
            async with client.stream("GET", "/big") as response:
                pass
            with pytest.raises(rekindle.Misuse):
                await response.aread()

    asyncio.run(run())


def bomb(tmp: int) -> bytes:
    import gzip

    return gzip.compress(bytes(tmp))


# spec 11.4
def test_a_body_that_grows_without_end_is_an_error_and_a_stream_has_no_limit(server: TestServer, make: Make) -> None:
    import base64

    packed = {"bytes": base64.b64encode(bomb(5_000_000)).decode(), "headers": {"content-encoding": "gzip"}}
    server.script({"match": {"path": "/big"}, "respond": packed, "repeat": 5})
    with rekindle.Client(make(), base_url=server.url, max_body_bytes=1_000_000) as client:
        with pytest.raises(rekindle.InvalidResponse, match="max_body_bytes"):
            client.get("/big")
        with client.stream("GET", "/big") as response:
            assert sum(map(len, response.iter_bytes())) == 5_000_000
        with client.stream("GET", "/big") as response, pytest.raises(rekindle.InvalidResponse, match="max_body_bytes"):
            response.read()

        async def read() -> None:
            async with rekindle.AsyncClient(make(), base_url=server.url, max_body_bytes=1_000_000) as client:
                async with client.stream("GET", "/big") as response:
                    await response.aread()

        with pytest.raises(rekindle.InvalidResponse, match="max_body_bytes"):
            asyncio.run(read())
    with rekindle.Client(make(), base_url=server.url, max_body_bytes=None) as client:
        assert len(client.get("/big").content) == 5_000_000
