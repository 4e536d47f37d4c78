"""`httpx.Client(auth=rekindle.httpx.Auth(session))`, and the same for AsyncClient and httpx2.

httpx follows redirects below an auth flow, so what was redirected is judged but not sent again. Leaving an origin it
drops `Authorization` and no other header: one that a dialect names for itself goes along on no redirect at all, and what
was redirected comes back as the 401 that it is.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncGenerator, Generator, Iterator, MutableMapping
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


class _Headers(MutableMapping[str, str]):
    """The headers of one request. A copy, which is what httpx makes for a redirect, lacks those that are kept back."""

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
        """What httpx's own headers can do beside: `raw`, which is what is sent."""
        if name.startswith("_"):
            # Copied or unpickled, it is asked for such names before it has anything.
            raise AttributeError(name)
        return getattr(self._headers, name)


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
    kept_back = {held.header_name.lower()} - {"authorization"}
    if (proof := native.proof(held, request.method, str(request.url))) is not None:
        request.headers["DPoP"] = proof
        kept_back.add("dpop")
    if kept_back and not isinstance(request.headers, _Headers):
        request.headers = _Headers(request.headers, kept_back)


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
