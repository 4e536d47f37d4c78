"""`aiohttp.ClientSession(middlewares=[rekindle.aiohttp.middleware(session)])`, from aiohttp 3.12 on.

aiohttp asks it anew for each hop of a redirect, and what it adds to one hop does not go along to the next. Of the caller's own
headers aiohttp drops `Authorization`, `Cookie` and `Proxy-Authorization` where a redirect leaves the origin, and no other.
"""

from __future__ import annotations

from typing import Any

import aiohttp
from aiohttp import payload

from ._call import aafter, aheaders, also
from ._errors import RekindleError
from ._session import Session


_BASES = {
    "": aiohttp.ClientError,
    "Timeout": aiohttp.ServerTimeoutError,
    "Connection": aiohttp.ClientConnectionError,
}


def middleware(session: Session) -> Any:
    """Keeps the requests of a ClientSession signed in.

    `response.rekindle` says what was found: `verdict`, and `replay_refused`. What goes wrong is a `RekindleError` and an
    `aiohttp.ClientError`, with the response that led to it. aiohttp's total timeout ends the wait for a refresh, too.
    """

    async def run(request: Any, handler: Any) -> Any:
        call, do = _call(session, request), session._aask
        try:
            again: Any = await aheaders(call, do)
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
                return response

    return run


async def _accepted(call: Any, response: Any) -> bool | None:
    headers = list(response.headers.items())
    # Its body is in no variable: tools that report errors show locals, and it may repeat the token.
    read = response.read if call.reads(response.status, headers) else _nothing
    signed: bool | None = call.accepted(response.status, headers, await read())
    return signed


async def _nothing() -> bytes:
    return b""


def _call(session: Session, request: Any) -> Any:
    given = request.body
    # Its own payloads of bytes keep them; others are streams that are read once.
    content = given._value if isinstance(given, payload.BytesPayload) else given
    whole = bytes(content) if isinstance(content, (bytes, bytearray)) else None
    headers = list(request.headers.items())
    return session._native.call(request.method, str(request.url), headers, whole, whole is not None)
