"""`requests.get(url, auth=rekindle.requests.Auth(session))`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from requests.auth import AuthBase

from ._session import Session


class Auth(AuthBase):
    """Keeps the requests of a requests.Session signed in; only the last hop is sent again."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __call__(self, r: Any) -> Any:
        """Called by requests."""
        held = self._session._do(self._session._native.hold, r.url, list(r.headers))
        if held is not None:
            self._sign(held, r)
            r.register_hook("response", lambda response, **sent: self._judge(held, response, sent))
        return r

    def _judge(self, held: Any, response: Any, sent: dict[str, Any]) -> Any:
        native = self._session._native
        while response.request.headers.get(held.header_name) == held.authorization:
            reads = native.reads(response.status_code)
            after, *_ = self._session._do(native.judge, held, *_exchange(response, reads))
            if after is None:
                break
            held = after
            response = self._again(held, response, sent)
        self._keep_home(held, response)
        return response

    def _sign(self, held: Any, request: Any) -> None:
        request.headers[held.header_name] = held.authorization
        if (proof := self._session._native.proof(held, request.method, request.url)) is not None:
            request.headers["DPoP"] = proof

    def _again(self, held: Any, response: Any, sent: dict[str, Any]) -> Any:
        # The connection goes back to its pool only when the body has been read.
        _ = response.content
        response.close()
        request = response.request.copy()
        self._sign(held, request)
        again = response.connection.send(request, **sent)
        again.history.append(response)
        again.request = request
        return again

    def _keep_home(self, held: Any, response: Any) -> None:
        """requests drops only `Authorization` where a redirect leaves the origin; a dialect may name another header."""
        target = response.headers.get("location") if response.is_redirect else None
        if target is None or response.request.headers.get(held.header_name) != held.authorization:
            return
        if not self._session._native.owns(urljoin(response.url, target)):
            del response.request.headers[held.header_name]
            response.request.headers.pop("DPoP", None)


def _exchange(response: Any, reads: bool) -> tuple[Any, ...]:
    content = response.request.body
    whole = content.encode() if isinstance(content, str) else content
    replayable = whole is None or isinstance(whole, bytes)
    headers = list(response.headers.items())
    seen = whole if isinstance(whole, bytes) else None
    body = response.content if reads else b""
    return (response.request.method, response.url, seen, replayable, response.status_code, headers, body)
