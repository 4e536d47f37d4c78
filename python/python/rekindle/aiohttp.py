"""`aiohttp.ClientSession(middlewares=[rekindle.aiohttp.middleware(session)])`, from aiohttp 3.12 on.

aiohttp asks it anew for each hop of a redirect: what it adds to one hop does not go along to the next. Where a redirect leaves
the origin nothing of the session goes along, nor after it came back, and of the request's own headers only those that are known
to carry no credential.
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
    """Keeps the requests of a ClientSession signed in.

    `response.rekindle` says what was found: `verdict`, and `replay_refused`. What goes wrong is a `RekindleError` and an
    `aiohttp.ClientError`, with the response that led to it. aiohttp's total timeout ends the wait for a refresh, too.
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
                # Not by its setter, which closes what the caller gave.
                request._body = renewed()

    return run


def _stay(response: Any) -> None:
    """aiohttp hands out a redirect that names no place to go to."""
    if 300 <= response.status < 400:
        left = CIMultiDict(response.headers)
        left.popall("Location", None)
        left.popall("URI", None)
        response._headers = CIMultiDictProxy(left)
        # What it gave out before is remembered here.
        getattr(response, "_cache", {}).pop("headers", None)


@dataclass
class _Hop:
    """A response that redirects, and what is needed where aiohttp follows it."""

    session: SessionBase
    call: Any
    response: Any
    targets: set[tuple[str, str]]
    left: bool


_last: ContextVar[_Hop | None] = ContextVar("rekindle_aiohttp_hop", default=None)
"""aiohttp follows redirects within one call, so in one task, and does not tell which request is a hop of which other."""


def _remember(session: SessionBase, call: Any, request: Any, response: Any, before: _Hop | None) -> None:
    """That aiohttp may follow this response."""
    target = response.headers.get("Location") or response.headers.get("URI")
    if response.status not in (301, 302, 303, 307, 308) or target is None:
        return
    try:
        # As aiohttp reads it, or as it is told to with `requote_redirect_url`.
        urls = [request.url.join(URL(target, encoded=encoded)) for encoded in (False, True)]
        left = any(url.origin() != request.url.origin() for url in urls)
        left = left or (before is not None and before.left)
        _last.set(_Hop(session, call, response, {_place(url) for url in urls}, left))
    except ValueError:
        # aiohttp does not follow it either.
        return


def _place(url: URL) -> tuple[str, str]:
    """Where it leads. aiohttp takes user name and fragment away."""
    return str(url.origin()), url.raw_path_qs


def _followed(session: SessionBase, request: Any) -> _Hop | None:
    """The redirect that this request follows."""
    hop = _last.get()
    if hop is None:
        return None
    _last.set(None)
    # A response that its caller has, or had, was not followed by aiohttp: that one knows its history.
    own = hop.session is not session or "_history" in vars(hop.response) or _place(request.url) not in hop.targets
    return None if own else hop


_FRAMING = {"host", "connection", "transfer-encoding"}
"""What aiohttp itself says of the message."""


def _redirected(hop: _Hop, request: Any) -> Any:
    if hop.left:
        for name in [name for name in request.headers if name.lower() not in _FRAMING and not travels(name)]:
            request.headers.popall(name, None)
    return hop.call.redirected(request.method, str(request.url))


async def _accepted(call: Any, response: Any) -> bool | None:
    headers = list(response.headers.items())
    # Its body is in no variable: tools that report errors show locals, and it may repeat the token.
    read = response.read if call.reads(response.status, headers) else _nothing
    signed: bool | None = call.accepted(response.status, headers, await read())
    return signed


async def _nothing() -> bytes:
    return b""


def _call(session: SessionBase, request: Any, replayable: bool) -> Any:
    given = request.body
    # Its own payloads of bytes keep them; others are streams.
    content = given._value if isinstance(given, payload.BytesPayload) else given
    whole = bytes(content) if isinstance(content, (bytes, bytearray)) else None
    headers = list(request.headers.items())
    return session._native.call(request.method, str(request.url), headers, whole, replayable)
