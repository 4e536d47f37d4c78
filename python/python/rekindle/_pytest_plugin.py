"""The fixtures that pytest finds automatically."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ._session import Session
from ._test_server import TestServer


@pytest.fixture
def rekindle_server() -> Iterator[TestServer]:
    """A server whose token endpoint revokes the whole token family if a refresh token is sent twice."""
    with TestServer({"dialect": "oauth", "rotation": "strict_family"}) as server:
        yield server


@pytest.fixture
def rekindle_session(rekindle_server: TestServer) -> Session:
    """A session that is signed in at `rekindle_server`."""
    tokens = rekindle_server.sign_in()
    return Session(
        dialect="oauth2",
        token_url=rekindle_server.url + "/oauth/token",
        client_id="app",
        client_secret="app-secret",
        access_token=tokens["access_token"],
        refresh_token=tokens["refresh_token"],
        expires_in=tokens["expires_in"],
        origins=[rekindle_server.url],
    )
