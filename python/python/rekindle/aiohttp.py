"""`aiohttp.ClientSession(middlewares=[rekindle.aiohttp.middleware(session)])`, from aiohttp 3.12 on.

aiohttp calls the middleware for each hop of a redirect: headers added for one hop are not sent with the next. Once a redirect
leaves the origin, none of the session's headers are sent, then or later, and of the request's own headers only those that are
known to carry no credential.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import payload
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ._aiohttp_bodies import renewal
from ._call import aafter, aheaders, also, is_turned_away
from ._errors import RekindleError
from ._native import travels
from ._session import SessionBase


_BASES = {
    "": aiohttp.ClientError,
    "Timeout": aiohttp.ServerTimeoutError,
    "Connection": aiohttp.ClientConnectionError,
}


def middleware(session: SessionBase) -> Any:
    """A middleware that sends the session's token with the requests of a ClientSession.

    `response.rekindle` has the `verdict` on the response, and `replay_refused`. Errors are both a `RekindleError` and an
    `aiohttp.ClientError`, with the response that led to them. aiohttp's total timeout also limits the wait for a refresh.
    """

    async def run(request: Any, handler: Any) -> Any:
        do = session._aask
        hop = _followed(session, request)
        renewed = renewal(request.body)
        try:
            call = _call(session, request, renewed is not None) if hop is None else hop.call
            again: Any = await aheaders(call, do) if hop is None else _redirected(hop, request)
        except RekindleError as error:
            raise also(error, _BASES, response=None) from error.__cause__
        while True:
            again.put(request.headers)
            response = await handler(request)
            signed = await _accepted(call, response)
            try:
                again, judged = await aafter(call, do, signed)
            except RekindleError as error:
                raise also(error, _BASES, response=response) from error.__cause__
            if again is None:
                response.rekindle = judged
                if is_turned_away(judged):
                    _stay(response)
                    return response
                _remember(session, call, request, response, hop)
                return response
            if renewed is not None and isinstance(request.body, payload.Payload):
                # Not through its setter, which would close the caller's payload.
                request._body = renewed()

    return run


def _stay(response: Any) -> None:
    """Removes the target of a redirect, so that aiohttp returns the response and does not follow it."""
    if 300 <= response.status < 400:
        left = CIMultiDict(response.headers)
        left.popall("Location", None)
        left.popall("URI", None)
        response._headers = CIMultiDictProxy(left)
        # aiohttp caches the headers here.
        getattr(response, "_cache", {}).pop("headers", None)


@dataclass
class _Hop:
    """A redirect response, and what is needed if aiohttp follows it."""

    session: SessionBase
    call: Any
    response: Any
    targets: set[tuple[str, str]]
    left: bool


_last: ContextVar[_Hop | None] = ContextVar("rekindle_aiohttp_hop", default=None)
"""The last redirect. aiohttp follows redirects within one call, so in one task, but does not link a hop to its request."""


def _remember(session: SessionBase, call: Any, request: Any, response: Any, before: _Hop | None) -> None:
    """Remembers a redirect response that aiohttp may follow."""
    target = response.headers.get("Location") or response.headers.get("URI")
    if response.status not in (301, 302, 303, 307, 308) or target is None:
        return
    try:
        # The two ways in which aiohttp may parse it: `requote_redirect_url` selects one.
        urls = [request.url.join(URL(target, encoded=encoded)) for encoded in (False, True)]
        left = any(url.origin() != request.url.origin() for url in urls)
        left = left or (before is not None and before.left)
        _last.set(_Hop(session, call, response, {_place(url) for url in urls}, left))
    except ValueError:
        # aiohttp does not follow it either.
        return


def _place(url: URL) -> tuple[str, str]:
    """The URL without user name and fragment, which aiohttp removes."""
    return str(url.origin()), url.raw_path_qs


def _followed(session: SessionBase, request: Any) -> _Hop | None:
    """The redirect that led to this request, if it is a hop."""
    hop = _last.get()
    if hop is None:
        return None
    _last.set(None)
    # aiohttp sets `_history` on a response that it returns to its caller: it has not followed that one.
    own = hop.session is not session or "_history" in vars(hop.response) or _place(request.url) not in hop.targets
    return None if own else hop


_FRAMING = {"host", "connection", "transfer-encoding"}
"""Headers that aiohttp itself sets."""


def _redirected(hop: _Hop, request: Any) -> Any:
    if hop.left:
        for name in [name for name in request.headers if name.lower() not in _FRAMING and not travels(name)]:
            request.headers.popall(name, None)
    return hop.call.redirected(request.method, str(request.url))


async def _accepted(call: Any, response: Any) -> bool | None:
    headers = list(response.headers.items())
    # The body is kept in no variable: error reporters show locals, and it may contain the token.
    read = response.read if call.reads(response.status, headers) else _nothing
    signed: bool | None = call.accepted(response.status, headers, await read())
    return signed


async def _nothing() -> bytes:
    return b""


def _call(session: SessionBase, request: Any, replayable: bool) -> Any:
    given = request.body
    # A BytesPayload holds its bytes; other payloads are streams.
    content = given._value if isinstance(given, payload.BytesPayload) else given
    whole = bytes(content) if isinstance(content, (bytes, bytearray)) else None
    headers = list(request.headers.items())
    return session._native.call(request.method, str(request.url), headers, whole, replayable)
