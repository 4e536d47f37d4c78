"""gql's transports through the adapters: `UNAUTHENTICATED` in a 200 is refreshed, and queries are sent again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.httpx import HTTPXAsyncTransport, HTTPXTransport
from gql.transport.requests import RequestsHTTPTransport

import rekindle.aiohttp
import rekindle.httpx
import rekindle.requests
from rekindle.testing import TestServer


def by_httpx(session: rekindle.Session, url: str) -> Any:
    return HTTPXTransport(url=url, auth=rekindle.httpx.Auth(session), trust_env=False)


def by_async_httpx(session: rekindle.Session, url: str) -> Any:
    return HTTPXAsyncTransport(url=url, auth=rekindle.httpx.Auth(session), trust_env=False)


def by_requests(session: rekindle.Session, url: str) -> Any:
    return RequestsHTTPTransport(url=url, auth=rekindle.requests.Auth(session))


def by_aiohttp(session: rekindle.Session, url: str) -> Any:
    # gql gives its own auth to every request; a middleware goes into the session that it makes.
    arguments = {"middlewares": (rekindle.aiohttp.middleware(session),)}
    return AIOHTTPTransport(url=url, client_session_args=arguments)


each_transport = pytest.mark.parametrize("transport", [by_httpx, by_async_httpx, by_requests, by_aiohttp])
Transport = Callable[[rekindle.Session, str], Any]


@each_transport
def test_an_expired_token_is_refreshed_once_and_the_query_sent_again(transport: Transport) -> None:
    server = TestServer({"dialect": "graphql", "rotation": "strict_family"})
    tokens = server.sign_in()
    server.expire_all()
    session = rekindle.Session(
        dialect="graphql",
        token_url=server.url + "/graphql",
        access_token=tokens["access_token"],
        refresh_token=tokens["refresh_token"],
        origins=[server.url],
    )
    client = Client(transport=transport(session, server.url + "/graphql"))
    found = client.execute(gql("{ students(limit: 5) { id fullName } }"))
    assert "students" in found
    counters = server.counters()
    server.close()
    assert (counters["refreshes"], counters["reuses_detected"]) == (1, 0)


@each_transport
def test_a_mutation_that_may_have_run_is_not_sent_again(transport: Transport) -> None:
    server = TestServer()
    granted = {"accessToken": "AT-2", "refreshToken": "RT-2"}
    wrong = {"message": "signed out", "extensions": {"code": "UNAUTHENTICATED"}}
    server.script(
        {"match": {"path": "/graphql"}, "respond": {"json": {"data": {"pay": None}, "errors": [wrong]}}},
        {"match": {"path": "/auth"}, "respond": {"json": {"data": {"refreshToken": granted}}}},
    )
    session = rekindle.Session(
        dialect="graphql",
        token_url=server.url + "/auth",
        access_token="AT-1",
        refresh_token="RT-1",
        origins=[server.url],
    )

    async def execute() -> None:
        client = Client(transport=transport(session, server.url + "/graphql"))
        await asyncio.to_thread(client.execute, gql("mutation { pay }"))

    with pytest.raises(Exception, match="signed out"):
        asyncio.run(execute())
    assert session.token().value == "AT-2"
    assert [one["path"] for one in server.log()] == ["/graphql", "/auth"]
    server.close()
