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
    assert "html" not in str(caught.value) and caught.value.__context__ is None


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
