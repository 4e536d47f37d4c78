"""`requests.get(url, auth=rekindle.requests.Auth(session))`."""

from __future__ import annotations

from typing import Any

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
            r.headers[held.header_name] = held.authorization
            r.register_hook("response", lambda response, **sent: self._judge(held, response, sent))
        return r

    def _judge(self, held: Any, response: Any, sent: dict[str, Any]) -> Any:
        native = self._session._native
        while held is not None and response.request.headers.get(held.header_name) == held.authorization:
            body = response.content if native.reads(response.status_code) else b""
            held, *_ = self._session._do(native.judge, held, *_exchange(response, body))
            if held is not None:
                response = _again(held, response, sent)
        return response


def _exchange(response: Any, body: bytes) -> tuple[Any, ...]:
    content = response.request.body
    whole = content.encode() if isinstance(content, str) else content
    replayable = whole is None or isinstance(whole, bytes)
    headers = list(response.headers.items())
    seen = whole if isinstance(whole, bytes) else None
    return (response.request.method, response.url, seen, replayable, response.status_code, headers, body)


def _again(held: Any, response: Any, sent: dict[str, Any]) -> Any:
    # The connection goes back to its pool only when the body has been read.
    _ = response.content
    response.close()
    request = response.request.copy()
    request.headers[held.header_name] = held.authorization
    again = response.connection.send(request, **sent)
    again.history.append(response)
    again.request = request
    return again
