"""Help for tests of one's own code: a pytest plugin with a scripted API and token server on loopback.

It needs the program `rekindle-test-server`, on the path or named by REKINDLE_TEST_SERVER.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from ._native.testing import ManualClock
from ._session import _OF_TESTS, Session

__all__ = ["ManualClock", "TestServer", "rekindle_server", "rekindle_session", "session"]


def session(clock: ManualClock, *, alone: bool = False, **settings: Any) -> Session:
    """A session whose time passes only by `clock`; `alone` stands for a process of its own.

    The settings are those of `rekindle.Session`.
    """
    told = _OF_TESTS.set({"clock": clock, "alone": alone})
    try:
        return Session(**settings)
    finally:
        _OF_TESTS.reset(told)


class TestServer:
    """The server, by its control paths."""

    __test__ = False

    def __init__(self, auth: dict[str, Any] | None = None) -> None:
        program = os.environ.get("REKINDLE_TEST_SERVER") or shutil.which("rekindle-test-server")
        if program is None:
            raise FileNotFoundError("rekindle-test-server is not on the path: set REKINDLE_TEST_SERVER")
        arguments = [program] if auth is None else [program, json.dumps(auth)]
        self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.url: str = json.loads(self._process.stdout.readline())["url"]

    def script(self, *steps: dict[str, Any]) -> None:
        """Plays these steps from their beginning, and empties the log."""
        self.control("POST", "/__script", {"steps": list(steps)})

    def log(self, *, wait: int = 0) -> list[dict[str, Any]]:
        """The requests in order; waits until so many have arrived."""
        found: list[dict[str, Any]] = self.control("GET", f"/__log?wait={wait}" if wait else "/__log")
        return found

    def release(self, name: str) -> None:
        """Lets go what is held under this name."""
        self.control("POST", "/__release", {"name": name})

    def complaints(self) -> list[str]:
        """Steps that were not used, requests that were not scripted."""
        try:
            self.control("GET", "/__consumed")
        except urllib.error.HTTPError as error:
            found: list[str] = json.load(error)["complaints"]
            return found
        return []

    def counters(self) -> dict[str, Any]:
        """What the model counted."""
        found: dict[str, Any] = self.control("GET", "/__counters")
        return found

    def sign_in(self) -> dict[str, Any]:
        """The tokens of a new sign-in at the model."""
        found: dict[str, Any] = self.control("POST", "/__sign_in")
        return found

    def expire_all(self) -> None:
        """Ends all access tokens."""
        self.control("POST", "/__expire_all")

    def control(self, method: str, path: str, body: object = None) -> Any:
        """A control request, and its JSON answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def close(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture
def rekindle_server() -> Iterator[TestServer]:
    """A server whose token endpoint revokes everything when a refresh token comes twice."""
    server = TestServer({"dialect": "oauth", "rotation": "strict_family"})
    yield server
    server.close()


@pytest.fixture
def rekindle_session(rekindle_server: TestServer) -> Session:
    """A session that is signed in at that server."""
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
