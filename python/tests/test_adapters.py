from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import httpx
import pytest
import requests

import rekindle.aiohttp
import rekindle.httpx
import rekindle.requests
from conftest import Make, accepts, grants, turns_away
from rekindle.testing import TestServer


def by_httpx(session: rekindle.Session, method: str, url: str, **given: Any) -> int:
    with httpx.Client(auth=rekindle.httpx.Auth(session), follow_redirects=True, trust_env=False) as client:
        return client.request(method, url, **given).status_code


def by_async_httpx(session: rekindle.Session, method: str, url: str, **given: Any) -> int:
    async def ask() -> int:
        auth = rekindle.httpx.Auth(session)
        async with httpx.AsyncClient(auth=auth, follow_redirects=True, trust_env=False) as client:
            return (await client.request(method, url, **_awaited(given, "content"))).status_code

    return asyncio.run(ask())


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

    return {**given, name: each()} if isinstance(pieces, Iterator) else given


each_adapter = pytest.mark.parametrize("ask", [by_httpx, by_async_httpx, by_requests, by_aiohttp])


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
    assert [one["path"] for one in server.log()] == ["/up", "/token"]


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
def test_an_accepted_request_costs_nothing(server: TestServer, make: Make, ask: Any) -> None:
    server.script(accepts("AT-1"))
    assert ask(make(), "GET", server.url + "/data") == 200
    assert len(server.log()) == 1
