from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any, Callable

import pytest

import rekindle
from rekindle.testing import TestServer

# A shell's background job is started with SIGINT ignored, and so would be all that is started here.
signal.signal(signal.SIGINT, signal.default_int_handler)

Make = Callable[..., rekindle.Session]


@pytest.fixture
def server() -> Iterator[TestServer]:
    """Nothing but the script."""
    server = TestServer()
    yield server
    server.close()


@pytest.fixture
def make(server: TestServer) -> Make:
    def make(**given: Any) -> rekindle.Session:
        known: dict[str, Any] = {
            "dialect": "oauth2",
            "token_url": server.url + "/token",
            "client_id": "app",
            "access_token": "AT-1",
            "refresh_token": "RT-1",
            "origins": [server.url],
        }
        return rekindle.Session(**{**known, **given})

    return make


def grants(number: int, **more: Any) -> dict[str, Any]:
    """A step that answers a refresh."""
    tokens = {"access_token": f"AT-{number}", "refresh_token": f"RT-{number}", "expires_in": 900}
    return {"match": {"path": "/token"}, "respond": {"json": tokens}, **more}


def turns_away(token: str, **more: Any) -> dict[str, Any]:
    return {"match": {"token": token}, "respond": {"status": 401}, **more}


def accepts(token: str, body: Any = True, **more: Any) -> dict[str, Any]:
    return {"match": {"token": token}, "respond": {"json": body}, **more}
