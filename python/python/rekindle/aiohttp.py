"""`aiohttp.ClientSession(middlewares=[rekindle.aiohttp.middleware(session)])`, from aiohttp 3.12 on.

aiohttp asks it anew for each hop of a redirect, and what it adds to one hop does not go along to the next. Of the caller's own
headers aiohttp drops `Authorization`, `Cookie` and `Proxy-Authorization` where a redirect leaves the origin, and no other.
"""

from __future__ import annotations

from typing import Any

from aiohttp import payload

from ._call import aafter, aheaders
from ._session import Session


def middleware(session: Session) -> Any:
    """Keeps the requests of a ClientSession signed in.

    `response.rekindle` says what was found: `verdict`, and `replay_refused`.
    """

    async def run(request: Any, handler: Any) -> Any:
        call, do = _call(session, request), session._ado
        again: Any = await aheaders(call, do)
        while True:
            again.put(request.headers)
            response = await handler(request)
            again, judged = await aafter(call, do, await _accepted(call, response))
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
