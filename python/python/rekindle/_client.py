"""The two clients, with the same methods: `Client` blocks the calling thread, `AsyncClient` awaits."""

from __future__ import annotations

import asyncio
import json as _json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias, TypedDict

from . import _native
from ._checks import flag, limit, maybe_seconds, sends, statuses, text, timeouts, url as as_url
from ._request import Own, Source, cookie_pairs, options, pairs
from ._errors import InvalidConfig, Misuse, RekindleError
from ._hooks import EventHooks, hooks_of
from ._host import guard, guard_login, outside
from ._mock import OF_TESTS
from ._response import AsyncResponse, Response
from ._session import SessionBase
from ._transport import Cert, Proxies, Verify, transport
from ._wait import wait_for

if TYPE_CHECKING:
    from typing_extensions import Unpack


class RequestOptions(TypedDict, total=False):
    """The keyword arguments of every request."""

    params: Any
    headers: Any
    json: Any
    data: Any
    content: Any
    files: Any
    timeout: float | None | tuple[float | None, float | None]
    read_timeout: float | None
    follow_redirects: bool
    idempotency_key: str
    auth: tuple[str, str] | None
    cookies: Mapping[str, str]
    max_sends: int
    retry_statuses: Iterable[int]
    replay: bool


_NAMES = frozenset(RequestOptions.__annotations__)
_OWN = frozenset({"max_sends", "retry_statuses", "replay"})
_Timeout: TypeAlias = "float | tuple[float | None, float | None] | Literal['client'] | None"


class _Base:
    def __init__(
        self,
        session: SessionBase,
        *,
        base_url: Any = None,
        headers: Any = None,
        timeout: float | None | tuple[float | None, float | None] = 60.0,
        follow_redirects: bool = True,
        max_redirects: int = 10,
        max_sends: int = 3,
        retry_statuses: Iterable[int] | None = None,
        max_body_bytes: int | None = 256 * 1024 * 1024,
        graphql_path: str | None = None,
        verify: Verify = True,
        cert: Cert | None = None,
        proxies: Proxies | None = None,
        http2: bool = True,
        user_agent: str | None = None,
        connect_timeout: float | None = None,
        read_timeout: float | None = None,
        max_idle_connections: int | None = None,
        idle_timeout: float | None = None,
        max_concurrent_requests: int | None = None,
        cookies: bool | Mapping[str, str] = False,
        traceparent: bool = False,
        event_hooks: EventHooks | None = None,
    ) -> None:
        if not isinstance(session, SessionBase):
            raise InvalidConfig(f"session must be a rekindle.Session, not {type(session).__name__}")
        if isinstance(max_redirects, bool) or not isinstance(max_redirects, int) or not 0 <= max_redirects < 2**31:
            raise InvalidConfig("max_redirects must be a whole number of 0 or above")
        if max_body_bytes is not None and (type(max_body_bytes) is not int or not 0 < max_body_bytes < 2**63):
            raise InvalidConfig("max_body_bytes must be a whole number above 0, or None for no limit")
        if isinstance(timeout, tuple) and (connect_timeout is not None or read_timeout is not None):
            raise InvalidConfig("timeout is a pair, and connect_timeout or read_timeout is given, too: give one or the other")
        whole, connect, read = timeouts("timeout", timeout)
        self.session = session
        self._hooks = hooks_of(event_hooks)
        self._headers = pairs("headers", headers)
        self._max_sends = sends("max_sends", max_sends) or 3
        self._retry_statuses = statuses("retry_statuses", retry_statuses)
        self._follow = flag("follow_redirects", follow_redirects)
        self._max_body_bytes = max_body_bytes
        self._native: _native.Client | None = _native.Client(
            session._native,
            {
                "base_url": as_url("base_url", base_url),
                "headers": self._headers,
                "timeout_ms": 1000 * (whole or 0),
                "connect_timeout_ms": _millis(maybe_seconds("connect_timeout", connect_timeout) if connect is None else connect),
                "read_timeout_ms": _millis(maybe_seconds("read_timeout", read_timeout) if read is None else read),
                "max_redirects": max_redirects,
                "max_sends": self._max_sends,
                "retry_statuses": self._retry_statuses,
                "max_body_bytes": 2**63 if max_body_bytes is None else max_body_bytes,
                "traceparent": flag("traceparent", traceparent),
                "graphql_path": text("graphql_path", graphql_path),
            },
            # With a test's mock transport, the client must not open real connections.
            None if "transport" in OF_TESTS.get() else transport(
                verify=verify,
                cert=cert,
                proxies=proxies,
                http2=http2,
                user_agent=user_agent,
                connect_timeout=None,
                max_idle_connections=max_idle_connections,
                idle_timeout=idle_timeout,
                max_concurrent_requests=max_concurrent_requests,
            ),
            _jar(cookies),
        )

    def _goes(self, url: str, options: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
        """The URL and headers of a call, for event hooks."""
        assert self._native is not None
        own = options["options"]["headers"] if options else []
        names = {name.lower() for name, _ in own}
        return self._native.url(url), [one for one in self._headers if one[0].lower() not in names] + own

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that a request to the base URL would carry. Only a client made with `cookies=True` or a dict keeps any."""
        found = None if self._native is None else self._native.cookies("/")
        if found is None:
            raise Misuse("this client keeps no cookies: make it with cookies=True, or with a dict of them")
        return dict(found)

    def clear_cookies(self) -> None:
        """Deletes all cookies."""
        if self._native is not None:
            self._native.clear_cookies()

    def _options(
        self, given: RequestOptions, loop: asyncio.AbstractEventLoop | None
    ) -> dict[str, Any]:
        """The keyword arguments of the native `request`."""
        unknown = sorted(set(given) - _NAMES)
        if unknown:
            raise TypeError(f"unknown option {unknown[0]!r}: known are {', '.join(sorted(_NAMES))}")
        whole, connect, read = self._timeouts(given)
        plain = options(
            params=given.get("params"),
            headers=given.get("headers"),
            cookies=given.get("cookies"),
            json=given.get("json"),
            data=given.get("data"),
            content=given.get("content"),
            files=given.get("files"),
            timeout=whole,
            idempotency_key=given.get("idempotency_key"),
            auth=self._auth(given),
            own=self._own(given, connect, read),
            loop=loop,
        )
        follow = flag("follow_redirects", given.get("follow_redirects", self._follow))
        return {"options": plain, "follow_redirects": follow}

    def _graphql(
        self, operation_name: object, headers: object, timeout: object, given: dict[str, Any]
    ) -> dict[str, Any]:
        whole, connect, read = self._timeouts({} if timeout == "client" else {"timeout": timeout})
        return {
            "operation_name": text("operation_name", operation_name),
            "headers": pairs("headers", headers),
            "timeout": whole,
            "own": self._own({name: value for name, value in given.items() if value is not None}, connect, read),
        }

    def _auth(self, given: Mapping[str, Any]) -> tuple[object, ...] | None:
        auth = given.get("auth")
        if auth is None or isinstance(auth, tuple):
            return auth
        raise InvalidConfig(f"auth must be None, for no token, or a pair of name and password, not {type(auth).__name__}")

    def _timeouts(self, given: Mapping[str, Any]) -> tuple[float | None, float | None, float | None]:
        """The total, connect and read timeouts; `None`: the client's setting."""
        whole, connect, read = timeouts("timeout", given["timeout"]) if "timeout" in given else (None, None, None)
        if "read_timeout" in given:
            if read is not None:
                raise InvalidConfig("timeout is a pair, and read_timeout is given, too: give one or the other")
            read = limit("read_timeout", given["read_timeout"]) or 0.0
        return whole, connect, read

    def _own(self, given: Mapping[str, Any], connect: float | None, read: float | None) -> Own | None:
        """This request's settings that differ from the client's; `None` for most requests."""
        without = "auth" in given and given["auth"] is None
        if not without and connect is None and read is None and not _OWN & given.keys():
            return None
        replay = given.get("replay")
        return Own(
            sends("max_sends", given.get("max_sends", self._max_sends)),
            statuses("retry_statuses", given.get("retry_statuses", self._retry_statuses)),
            None if replay is None else flag("replay", replay),
            without,
            connect,
            read,
        )

    def _open(self, **texts: object) -> _native.Client:
        """The native client; checks that it is open and that `texts` are strings."""
        guard(self.session._host)
        guard_login(self.session._native)
        self.session._host.loops.forget_closed()
        if self._native is None:
            raise Misuse("the client has been closed: make a new one")
        for name, value in texts.items():
            if not isinstance(value, str):
                raise InvalidConfig(f"{name} must be text, not {type(value).__name__}")
        return self._native

    def __repr__(self) -> str:
        return f"<rekindle.{type(self).__name__} of {self.session!r}>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a client is not pickled: make one in each process")


# Python's TypeError for an unknown option shows this name.
_Base.__init__.__qualname__ = "Client.__init__"


class Client(_Base):
    """An HTTP client that sends a session's token with each request; safe to use from any number of threads.

    - `base_url`: the URL that relative URLs are resolved against. The token may be sent to its origin.
    - `headers`: sent with every request. If one carries a credential, it is sent instead of the session's.
    - `timeout`: the time limit of the whole request in seconds: waiting for a token, redirects, retries, the body. Default:
      60; `None`: no limit. A pair `(connect, read)`, as in requests, sets no limit for the whole request, but one for
      connecting and one for how long the server may send nothing; both apply to each send separately.
    - `connect_timeout`, `read_timeout`: the same two limits in addition to `timeout`. The time for connecting and for sending
      a body does not count towards `read_timeout`.
    - `follow_redirects` (default True), `max_redirects` (default 10).
    - `max_sends`: how often a request is sent at most after failures of the network or the server, including the first send
      (default 3). `retry_statuses`: the statuses that count as such a failure; default: 408, 429, 502, 503 and 504.
    - `max_body_bytes`: a longer body is an error, unless it is streamed. Default: 256 MiB; `None`: no limit.
    - `graphql_path`: the path, below the base URL, that `graphql` posts to. Default: `/graphql`.
    - `cookies`: True to store cookies and return each to the origin that set it, and to no other; a dict does the same with
      initial cookies for the base URL. Default: none are stored.
    - `traceparent`: whether to add a `traceparent` header (W3C Trace Context) with a new trace to requests without one. All
      sends of a request share it. A header that you set is sent unchanged.
    - `event_hooks`: a dict of lists of functions: `request`, called with a `SentRequest` before each call, and `response`,
      called with the `Response` after it; the body of a streamed response has not been read then. Hooks cannot change the
      request; an exception that one raises is passed to the caller. Those of an AsyncClient may be async.
    - `max_idle_connections`: how many idle connections are kept for each host (by each waiting thread); `idle_timeout`: how
      many seconds they are kept (default 90).
    - `max_concurrent_requests`: how many requests may be in progress at once; a request ends when its body has been read.
      Further requests wait, within their own timeout.
    - `verify`, `cert`, `proxies`, `http2`, `user_agent`, and these three: needed only if this client's requests should use
      other connection settings than the session. Token requests always use the session's.

    Every request takes these keyword arguments: `params`, `headers`, `cookies` (sent in addition to the stored ones), one of
    `json`, `data`, `content` and `files`, and `timeout`, `read_timeout`, `follow_redirects`, `idempotency_key`, `max_sends`,
    `retry_statuses`; `auth=None` to send no token, or `auth=(name, password)` for Basic authentication; `replay`: whether the
    request may be applied twice, if its method does not determine that. Failures raise a `RekindleError`; a status of 400 or
    above raises one only in `raise_for_status`.

    >>> with rekindle.Client(session, base_url=api) as client:
    ...     client.get("/data", params={"q": 1}, timeout=5).status_code
    ...     client.post("/notes", json={"text": "hello"}).raise_for_status().json()["path"]
    ...     with client.stream("GET", "/lines") as response:
    ...         sum(len(chunk) for chunk in response.iter_bytes()) > 0
    200
    '/notes'
    True
    """

    def request(self, method: str, url: Any, **given: Unpack[RequestOptions]) -> Response:
        """A request of any method; `url` is below the base URL, or whole."""
        response = Response(self._send(method, url, given))
        if self._hooks is not None:
            self._hooks.answered(response)
        return response

    @contextmanager
    def stream(self, method: str, url: Any, **given: Unpack[RequestOptions]) -> Iterator[Response]:
        """A request whose body comes as it is read."""
        with Response(self._send(method, url, given, stream=True)) as response:
            response._most = self._max_body_bytes
            if self._hooks is not None:
                self._hooks.answered(response)
            yield response

    def _send(self, method: str, url: Any, given: RequestOptions, stream: bool = False) -> Any:
        native = self._native
        plain = type(method) is type(url) is str and outside() and self.session._host.loops.none_seen()
        if native is None or not plain:
            native, url = self._open(method=method), _text_of(url)
        method = method.upper()
        if not given and self._hooks is None:
            # The fast path of most requests, which have no options.
            return native.request(method, url, follow_redirects=self._follow, stream=stream)
        options = self._options(given, None)
        source = options["options"]["source"]
        if self._hooks is not None:
            self._hooks.sending(method, *self._goes(url, options))
        try:
            return native.request(method, url, stream=stream, **options)
        except RekindleError as error:
            raise _first(source, error) from None
        finally:
            if source is not None and not stream:
                source.end(patience=1.0)

    def get(self, url: Any, **given: Unpack[RequestOptions]) -> Response:
        """A GET."""
        return self.request("GET", url, **given)

    def post(self, url: Any, **given: Unpack[RequestOptions]) -> Response:
        """A POST."""
        return self.request("POST", url, **given)

    def put(self, url: Any, **given: Unpack[RequestOptions]) -> Response:
        """A PUT."""
        return self.request("PUT", url, **given)

    def patch(self, url: Any, **given: Unpack[RequestOptions]) -> Response:
        """A PATCH."""
        return self.request("PATCH", url, **given)

    def delete(self, url: Any, **given: Unpack[RequestOptions]) -> Response:
        """A DELETE."""
        return self.request("DELETE", url, **given)

    def head(self, url: Any, **given: Unpack[RequestOptions]) -> Response:
        """A HEAD."""
        return self.request("HEAD", url, **given)

    def options(self, url: Any, **given: Unpack[RequestOptions]) -> Response:
        """An OPTIONS."""
        return self.request("OPTIONS", url, **given)

    def graphql(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        headers: Any = None,
        timeout: _Timeout = "client",
        max_sends: int | None = None,
        replay: bool | None = None,
    ) -> Any:
        """The data of a GraphQL answer; `rekindle.GraphQL` where it holds errors.

        `replay=True`: a mutation may be applied twice; without it, one that may have been applied is not sent again.
        """
        native = self._open(query=query)
        more = self._graphql(operation_name, headers, timeout, {"max_sends": max_sends, "replay": replay})
        return _json.loads(native.graphql(query, _variables(variables), **more))

    def close(self) -> None:
        """No further requests; the session goes on."""
        self._native = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(_Base):
    """`Client` for asyncio and uvloop, for use in any number of tasks, and in several event loops one after the other.

    >>> async def main():
    ...     async with rekindle.AsyncClient(session, base_url=api) as client:
    ...         return (await client.get("/data")).status_code
    >>> asyncio.run(main())
    200
    """

    async def request(self, method: str, url: Any, **given: Unpack[RequestOptions]) -> AsyncResponse:
        """A request of any method; `url` is below the base URL, or whole."""
        response = AsyncResponse(await self._send(method, url, given))
        if self._hooks is not None:
            await self._hooks.aanswered(response)
        return response

    @asynccontextmanager
    async def stream(self, method: str, url: Any, **given: Unpack[RequestOptions]) -> AsyncIterator[AsyncResponse]:
        """A request whose body comes as it is read."""
        async with AsyncResponse(await self._send(method, url, given, stream=True)) as response:
            response._most = self._max_body_bytes
            if self._hooks is not None:
                await self._hooks.aanswered(response)
            yield response

    async def _send(self, method: str, url: Any, given: RequestOptions, stream: bool = False) -> Any:
        native, loop = self._native, asyncio.get_running_loop()
        if native is None or not (type(method) is type(url) is str and outside()):
            native, url = self._open(method=method), _text_of(url)
        method = method.upper()
        self.session._host.loops.see(loop)
        if not given and self._hooks is None:
            return await wait_for(native.request, method, url, follow_redirects=self._follow, stream=stream)
        options = self._options(given, loop)
        source = options["options"]["source"]
        if self._hooks is not None:
            await self._hooks.asending(method, *self._goes(url, options))
        try:
            return await wait_for(native.request, method, url, stream=stream, **options)
        except RekindleError as error:
            raise _first(source, error) from None
        finally:
            if source is not None and not stream:
                source.end()

    async def get(self, url: Any, **given: Unpack[RequestOptions]) -> AsyncResponse:
        """A GET."""
        return await self.request("GET", url, **given)

    async def post(self, url: Any, **given: Unpack[RequestOptions]) -> AsyncResponse:
        """A POST."""
        return await self.request("POST", url, **given)

    async def put(self, url: Any, **given: Unpack[RequestOptions]) -> AsyncResponse:
        """A PUT."""
        return await self.request("PUT", url, **given)

    async def patch(self, url: Any, **given: Unpack[RequestOptions]) -> AsyncResponse:
        """A PATCH."""
        return await self.request("PATCH", url, **given)

    async def delete(self, url: Any, **given: Unpack[RequestOptions]) -> AsyncResponse:
        """A DELETE."""
        return await self.request("DELETE", url, **given)

    async def head(self, url: Any, **given: Unpack[RequestOptions]) -> AsyncResponse:
        """A HEAD."""
        return await self.request("HEAD", url, **given)

    async def options(self, url: Any, **given: Unpack[RequestOptions]) -> AsyncResponse:
        """An OPTIONS."""
        return await self.request("OPTIONS", url, **given)

    async def graphql(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        headers: Any = None,
        timeout: _Timeout = "client",
        max_sends: int | None = None,
        replay: bool | None = None,
    ) -> Any:
        """The data of a GraphQL answer; `rekindle.GraphQL` where it holds errors.

        `replay=True`: a mutation may be applied twice; without it, one that may have been applied is not sent again.
        """
        native = self._open(query=query)
        more = self._graphql(operation_name, headers, timeout, {"max_sends": max_sends, "replay": replay})
        self.session._host.loops.see(asyncio.get_running_loop())
        return _json.loads(await wait_for(native.graphql, query, _variables(variables), **more))

    async def aclose(self) -> None:
        """No further requests; the session goes on."""
        self._native = None

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _jar(cookies: object) -> list[str] | None:
    if isinstance(cookies, bool):
        return [] if cookies else None
    return cookie_pairs(cookies)


def _millis(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds


def _text_of(url: object) -> str:
    text = as_url("url", url)
    if text is None:
        raise InvalidConfig("url must be text, not NoneType")
    return text


def _first(source: Source | None, error: RekindleError) -> BaseException:
    """Prefers the exception of the caller's own iterator to the error that the body ended early."""
    return error if source is None or source.broken is None else source.broken


def _variables(variables: object) -> str:
    if variables is not None and not isinstance(variables, Mapping):
        raise InvalidConfig(f"variables must be a mapping, not {type(variables).__name__}")
    try:
        return _json.dumps(dict(variables or {}), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        raise InvalidConfig("variables cannot be written as JSON") from None
