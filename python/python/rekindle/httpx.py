"""`httpx.Client(auth=rekindle.httpx.Auth(session))`, and the same for AsyncClient and httpx2.

httpx follows redirects below the auth flow, where this class cannot intervene. A redirect to the login page, which means that
the session has expired, is found in the response's history: the request is sent again, or the response's extensions say why
not. A request that was redirected within the origin is sent again from its first URL if its method is safe; otherwise the
response is returned. When a redirect leaves the origin, httpx drops only the `Authorization` header. Therefore a header with a
name of the dialect's own, and DPoP proofs, are sent with no redirected request at all, and a redirected request that needs them
returns the API's 401. Of the caller's own headers httpx drops only `Authorization` and `Cookie`.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, MutableMapping
from typing import Any

from ._call import Judged, aafter, after, aheaders, also, headers
from ._errors import RekindleError
from ._session import SessionBase


def _bases() -> tuple[Any, ...]:
    found: list[Any] = []
    for name in ("httpx", "httpx2"):
        try:
            found.append(importlib.import_module(name).Auth)
        except ImportError:
            continue
    if not found:
        raise ImportError("rekindle.httpx needs httpx or httpx2: pip install httpx")
    return tuple(found)


class _Headers(MutableMapping[str, str]):
    """The headers of one request. A copy, which httpx makes for a redirect, does not contain those in `kept_back`."""

    def __init__(self, headers: Any, kept_back: set[str]) -> None:
        self._headers = headers
        self._kept_back = kept_back

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._headers if name.lower() not in self._kept_back)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, name: str) -> str:
        return str(self._headers[name])

    def __setitem__(self, name: str, value: str) -> None:
        self._headers[name] = value

    def __delitem__(self, name: str) -> None:
        del self._headers[name]

    def __getattr__(self, name: str) -> Any:
        """The other attributes of httpx's headers, such as `raw`, which is what httpx sends."""
        if name.startswith("_"):
            # `copy` and `pickle` look up such names before `__init__` has run.
            raise AttributeError(name)
        return getattr(self._headers, name)


class _Flow:
    """Sends the session's token with the requests of an httpx client.

    `response.extensions["rekindle"]` has the `verdict` on the response, and `replay_refused`. Errors are both a
    `RekindleError` and an `httpx.HTTPError`, with the response that led to them. The wait for a refresh is limited by the
    client's read timeout.
    """

    def __init__(self, session: SessionBase) -> None:
        self._session = session

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """Called by httpx."""
        call, do = _call(self._session, request), self._session._ask
        limit, rewind = _limit(request), _rewind(request.stream)
        try:
            again: Any = headers(call, do, limit)
        except RekindleError as error:
            raise _also(error, request, None) from error.__cause__
        while again is not None:
            _sign(request, again)
            rewind()
            response = yield request
            over = _led_to_login(call, response, again)
            if not over and not _carried(response, again):
                return
            if not over:
                call.answered_from(str(response.url))
            if not over and call.reads(response.status_code, _pairs(response)):
                response.read()
            signed = None if over else _accepted(call, response)
            try:
                again, judged = after(call, do, signed, limit)
            except RekindleError as error:
                raise _also(error, request, response) from error.__cause__
            _tell(response, judged)

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """Called by httpx."""
        call, do = _call(self._session, request), self._session._aask
        limit = _limit(request)
        try:
            again: Any = await aheaders(call, do, limit)
        except RekindleError as error:
            raise _also(error, request, None) from error.__cause__
        while again is not None:
            _sign(request, again)
            response = yield request
            over = _led_to_login(call, response, again)
            if not over and not _carried(response, again):
                return
            if not over:
                call.answered_from(str(response.url))
            if not over and call.reads(response.status_code, _pairs(response)):
                await response.aread()
            signed = None if over else _accepted(call, response)
            try:
                again, judged = await aafter(call, do, signed, limit)
            except RekindleError as error:
                raise _also(error, request, response) from error.__cause__
            _tell(response, judged)


def _limit(request: Any) -> float | None:
    """The client's read timeout, which also limits the wait for a refresh."""
    limit: float | None = request.extensions.get("timeout", {}).get("read")
    return limit


def _also(error: RekindleError, request: Any, response: Any) -> RekindleError:
    """Makes the error also one of the library that sends the request: httpx or httpx2."""
    library = importlib.import_module(type(request).__module__.split(".")[0])
    bases = {"": library.HTTPError, "Timeout": library.ReadTimeout, "Connection": library.NetworkError}
    return also(error, bases, _request=request, response=response)


def _call(session: SessionBase, request: Any) -> Any:
    try:
        content: bytes | None = request.content
    except RuntimeError:
        # The body is a stream (httpx.RequestNotRead).
        content = None
    replayable = content is not None or _begins_anew(request.stream)
    return session._native.call(request.method, str(request.url), _pairs(request), content, replayable)


def _begins_anew(stream: Any) -> bool:
    """Whether the body can be sent again: a form whose files are bytes or seekable (httpx rewinds those at each send), a
    seekable file (rewound by `_rewind`), or an iterable that can be iterated more than once."""
    fields = getattr(stream, "fields", None)
    if fields is not None:
        files = [field.file for field in fields if hasattr(field, "file")]
        return all(isinstance(file, (str, bytes)) or _seekable(file) for file in files)
    source = _source(stream)
    if hasattr(source, "read"):
        return _seekable(source)
    once = ("__next__", "__anext__", "aread")
    return source is not None and not any(hasattr(source, name) for name in once)


def _rewind(stream: Any) -> Callable[[], object]:
    """Returns a function that seeks a file back to its current position. When the response arrives, httpx has read it."""
    file = _source(stream)
    if not hasattr(file, "read") or not _seekable(file):
        return lambda: None
    start = file.tell()
    return lambda: file.seek(start)


def _source(stream: Any) -> Any:
    """The object that httpx iterates over to send the body."""
    return getattr(stream, "_stream", None)


def _seekable(file: Any) -> bool:
    try:
        return bool(file.seekable())
    except AttributeError:
        return False


def _sign(request: Any, add: Any) -> None:
    add.put(request.headers)
    # When a redirect leaves the origin, httpx drops `Authorization` and no other header.
    kept_back = set(add.names()) - {"authorization"}
    if kept_back and not isinstance(request.headers, _Headers):
        request.headers = _Headers(request.headers, kept_back)


def _carried(response: Any, added: Any) -> bool:
    """Whether the answered request carried our token: after a redirect to another origin it did not."""
    return bool(added) and added.are_in(response.request.headers)


def _led_to_login(call: Any, response: Any, added: Any) -> bool:
    """Whether httpx followed a redirect that means that our token has expired (spec 2.11); then `call` has judged it."""
    # The history also contains responses of requests that were sent again; those are no redirects.
    for past in (one for one in response.history if one.has_redirect_location):
        to = ("location", str(past.next_request.url if past.next_request else past.headers.get("location", "")))
        told = [pair for pair in _pairs(past) if pair[0].lower() != "location"] + [to]
        carried = bool(added) and added.are_in(past.request.headers)
        if carried and call.accepted(past.status_code, told, b"") is None:
            return True
    return False


def _pairs(message: Any) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in message.headers.items()]


def _accepted(call: Any, response: Any) -> bool | None:
    headers = [(str(name), str(value)) for name, value in response.headers.multi_items()]
    signed: bool | None = call.accepted(
        response.status_code, headers, response.content if response.is_closed else b""
    )
    return signed


def _tell(response: Any, judged: Judged | None) -> None:
    if judged is not None:
        response.extensions["rekindle"] = judged


Auth: Any = type("Auth", (_Flow, *_bases()), {"__doc__": _Flow.__doc__, "__module__": __name__})
