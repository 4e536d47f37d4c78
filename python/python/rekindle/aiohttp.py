"""`aiohttp.ClientSession(middlewares=[rekindle.aiohttp.middleware(session)])`, from aiohttp 3.12 on."""

from __future__ import annotations

from typing import Any

from aiohttp import payload

from ._session import Session


def middleware(session: Session) -> Any:
    """Keeps the requests of a ClientSession signed in. aiohttp calls it for each hop of a redirect."""

    async def run(request: Any, handler: Any) -> Any:
        native, do = session._native, session._ado
        held = await do(native.hold, str(request.url), list(request.headers))
        while True:
            if held is not None:
                request.headers[held.header_name] = held.authorization
                if (proof := native.proof(held, request.method, str(request.url))) is not None:
                    request.headers["DPoP"] = proof
            response = await handler(request)
            if held is None:
                return response
            # Its body is in no variable: tools that report errors show locals, and it may repeat the token.
            reads = native.reads(response.status)
            read = response.read if reads else _nothing
            held, *_ = await do(native.judge, held, *_exchange(request, response), await read())
            if held is None:
                return response

    return run


async def _nothing() -> bytes:
    return b""


def _exchange(request: Any, response: Any) -> tuple[Any, ...]:
    given = request.body
    # Its own payloads of bytes keep them; others are streams that are read once.
    content = given._value if isinstance(given, payload.BytesPayload) else given
    whole = bytes(content) if isinstance(content, (bytes, bytearray)) else None
    headers = list(response.headers.items())
    return (request.method, str(response.url), whole, whole is not None, response.status, headers)
