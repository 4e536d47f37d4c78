"""A transport for unit tests that calls a function in place of a server: no sockets, no processes."""

from __future__ import annotations

import json as _json
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from typing import Any
from urllib.parse import parse_qs, urlsplit

from . import _native
from ._errors import InvalidConfig
from ._response import Headers

OF_TESTS: ContextVar[dict[str, object]] = ContextVar("rekindle_of_tests", default={})
"""Settings that `rekindle.testing` adds to sessions: a clock, a transport."""


class MockRequest:
    """A request as it would have been sent to the API or the token endpoint."""

    def __init__(self, method: str, url: str, headers: list[tuple[str, str]], content: bytes) -> None:
        self.method = method
        self.url = url
        self.headers = Headers(headers)
        self.content = content

    @property
    def path(self) -> str:
        """The path of the URL."""
        return urlsplit(self.url).path

    @property
    def params(self) -> dict[str, list[str]]:
        """The query of the URL."""
        return parse_qs(urlsplit(self.url).query, keep_blank_values=True)

    @property
    def form(self) -> dict[str, str]:
        """The body as a form, as in token requests; the last value of a repeated name."""
        return {name: values[-1] for name, values in parse_qs(self.content.decode(), keep_blank_values=True).items()}

    def json(self) -> Any:
        """The body as JSON."""
        return _json.loads(self.content)

    def __repr__(self) -> str:
        # The query, headers and body may contain tokens.
        return f"MockRequest({self.method} {self.url.partition('?')[0]})"


class MockResponse:
    """A response of the handler function."""

    def __init__(
        self,
        status_code: int = 200,
        *,
        json: Any = None,
        text: str | None = None,
        content: bytes = b"",
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
    ) -> None:
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers or [])
        named = any(name.lower() == "content-type" for name, _ in pairs)
        if json is not None:
            content = _json.dumps(json).encode()
            pairs += [] if named else [("content-type", "application/json")]
        elif text is not None:
            content = text.encode()
            pairs += [] if named else [("content-type", "text/plain; charset=utf-8")]
        self.status_code = status_code
        self.headers = pairs
        self.content = content


class MockTransport:
    """Answers all requests of sessions and clients that are made inside its `with` block; nothing is sent.

    `handler` is called with a `MockRequest` for each request to the API and the token endpoint, and returns a `MockResponse`,
    a dict or list (sent as JSON with status 200), or a status code. An exception counts as a broken connection, a
    `ConnectionRefusedError` as a failure to connect. `requests` is the list of all requests.

    >>> from rekindle.testing import MockResponse, MockTransport
    >>> def server(request):
    ...     if request.path == "/token":
    ...         return {"access_token": "AT-2", "expires_in": 900}
    ...     if request.headers["authorization"] == "Bearer AT-2":
    ...         return {"name": "Ada"}
    ...     return MockResponse(401)
    >>> with MockTransport(server) as mock:
    ...     session = rekindle.Session(token_url="https://auth.test/token", client_id="app",
    ...                                access_token="AT-1", refresh_token="RT-1")
    ...     client = rekindle.Client(session, base_url="https://api.test")
    >>> client.get("/me").json()
    {'name': 'Ada'}
    >>> [request.path for request in mock.requests]
    ['/me', '/token', '/me']
    """

    def __init__(self, handler: Callable[[MockRequest], Any]) -> None:
        if not callable(handler):
            raise InvalidConfig(f"handler must be callable, and {type(handler).__name__} is not")
        self.requests: list[MockRequest] = []
        self._handler = handler
        self._native = _native.Transport.of_tests(self._answer)
        self._entered: list[Token[dict[str, object]]] = []

    def _answer(
        self, method: str, url: str, headers: list[tuple[str, str]], content: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        request = MockRequest(method, url, headers, content)
        self.requests.append(request)
        given = self._handler(request)
        if isinstance(given, (dict, list)):
            given = MockResponse(json=given)
        elif isinstance(given, int) and not isinstance(given, bool):
            given = MockResponse(given)
        if not isinstance(given, MockResponse):
            raise InvalidConfig(f"the handler must give a MockResponse, a dict, a list or a status, not {type(given).__name__}")
        return given.status_code, given.headers, given.content

    def __enter__(self) -> MockTransport:
        self._entered.append(OF_TESTS.set({**OF_TESTS.get(), "transport": self._native}))
        return self

    def __exit__(self, *_: object) -> None:
        OF_TESTS.reset(self._entered.pop())

    def __repr__(self) -> str:
        return f"<rekindle.testing.MockTransport of {len(self.requests)} requests>"
