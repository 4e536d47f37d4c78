"""`httpx.Client(auth=rekindle.httpx.Auth(session))`, and the same for AsyncClient and httpx2.

httpx follows redirects below an auth flow, so what was redirected is judged but not sent again. Leaving an origin it
drops `Authorization` and no other header: with a dialect that names a header of its own, leave `follow_redirects` off.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncGenerator, Generator
from typing import Any

from ._session import Session


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


class _Flow:
    """Keeps the requests of an httpx client signed in."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """Called by httpx."""
        native, do = self._session._native, self._session._do
        held = do(native.hold, str(request.url), list(request.headers))
        while True:
            _sign(native, request, held)
            response = yield request
            if held is None or not _carried(response, held):
                return
            if native.reads(response.status_code):
                response.read()
            held, *_ = do(native.judge, held, *_exchange(request, response))
            if held is None:
                return

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """Called by httpx."""
        native, do = self._session._native, self._session._ado
        held = await do(native.hold, str(request.url), list(request.headers))
        while True:
            _sign(native, request, held)
            response = yield request
            if held is None or not _carried(response, held):
                return
            if native.reads(response.status_code):
                await response.aread()
            held, *_ = await do(native.judge, held, *_exchange(request, response))
            if held is None:
                return


def _sign(native: Any, request: Any, held: Any) -> None:
    if held is None:
        return
    request.headers[held.header_name] = held.authorization
    if (proof := native.proof(held, request.method, str(request.url))) is not None:
        request.headers["DPoP"] = proof


def _carried(response: Any, held: Any) -> bool:
    """Whether what was answered carried our token: a redirect to elsewhere did not."""
    return bool(response.request.headers.get(held.header_name) == held.authorization)


def _exchange(request: Any, response: Any) -> tuple[Any, ...]:
    try:
        content: bytes | None = request.content
    except RuntimeError:
        # A stream: httpx calls it RequestNotRead.
        content = None
    replayable = content is not None and not response.history
    headers = [(str(name), str(value)) for name, value in response.headers.multi_items()]
    body = response.content if response.is_closed else b""
    return (request.method, str(response.url), content, replayable, response.status_code, headers, body)


Auth: Any = type("Auth", (_Flow, *_bases()), {"__doc__": _Flow.__doc__, "__module__": __name__})
