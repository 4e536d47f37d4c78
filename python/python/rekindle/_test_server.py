"""The scripted server on loopback, inside this process or as the program `rekindle-test-server`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

from ._native.testing import LocalServer


class TestServer:
    """A server on loopback that plays a script; with `auth`, a model of an authorization server handles the other requests.

    It runs on a thread of this process, or as the program that the environment variable REKINDLE_TEST_SERVER names.

    >>> from rekindle.testing import TestServer
    >>> with TestServer() as server:
    ...     server.script({"match": {"path": "/data"}, "respond": {"json": {"a": 1}}})
    ...     with urllib.request.urlopen(server.url + "/data") as answer:
    ...         json.load(answer)
    {'a': 1}
    """

    __test__ = False

    def __init__(self, auth: dict[str, Any] | None = None) -> None:
        program = os.environ.get("REKINDLE_TEST_SERVER")
        config = None if auth is None else json.dumps(auth)
        self._local: LocalServer | None = None
        self._process: subprocess.Popen[bytes] | None = None
        if not program:
            self._local = LocalServer(config)
            self.url: str = self._local.url()
            return
        arguments = [program] if config is None else [program, config]
        self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.url = json.loads(self._process.stdout.readline())["url"]

    def script(self, *steps: dict[str, Any]) -> None:
        """Starts playing these steps, and clears the log."""
        self.control("POST", "/__script", {"steps": list(steps)})

    def log(self, *, wait: int = 0) -> list[dict[str, Any]]:
        """The requests in order; waits until `wait` of them have arrived."""
        found: list[dict[str, Any]] = self.control("GET", f"/__log?wait={wait}" if wait else "/__log")
        return found

    def release(self, name: str) -> None:
        """Releases the responses that are held under this name."""
        self.control("POST", "/__release", {"name": name})

    def complaints(self) -> list[str]:
        """Steps that were not used, and requests that were not scripted."""
        try:
            self.control("GET", "/__consumed")
        except urllib.error.HTTPError as error:
            found: list[str] = json.load(error)["complaints"]
            return found
        return []

    def counters(self) -> dict[str, Any]:
        """The counters of the model."""
        found: dict[str, Any] = self.control("GET", "/__counters")
        return found

    def sign_in(self) -> dict[str, Any]:
        """The tokens of a new sign-in at the model."""
        found: dict[str, Any] = self.control("POST", "/__sign_in")
        return found

    def expire_all(self) -> None:
        """Makes all access tokens expire."""
        self.control("POST", "/__expire_all")

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Sends a control request, and returns its JSON response."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def close(self) -> None:
        """Stops the server."""
        if self._local is not None:
            self._local.stop()
        if self._process is not None:
            assert self._process.stdin is not None and self._process.stdout is not None
            self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()

    def __enter__(self) -> TestServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def main() -> None:
    """The program: prints `{"url": ...}` and exits when its standard input ends. Its argument is the model's configuration."""
    server = LocalServer(sys.argv[1] if len(sys.argv) > 1 else None)
    print(json.dumps({"url": server.url()}), flush=True)
    sys.stdin.read()
    server.stop()
