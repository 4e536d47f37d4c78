"""`requests.get(url, auth=rekindle.requests.Auth(session))`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlparse, urlsplit

from requests import exceptions
from requests.auth import AuthBase
from requests.sessions import SessionRedirectMixin
from requests.utils import requote_uri, rewind_body

from ._call import after, also, headers, is_turned_away
from ._errors import RekindleError
from ._native import travels
from ._session import SessionBase


_BASES = {"": exceptions.RequestException, "Timeout": exceptions.ReadTimeout, "Connection": exceptions.ConnectionError}


class Auth(AuthBase):
    """Sends the session's token with the requests of a requests.Session; after redirects, only the last hop is sent again.

    Once a redirect leaves the origin, none of the session's headers are sent, and of the request's own headers only those that
    are known to carry no credential. `response.rekindle` has the `verdict` on the response, and `replay_refused`. Errors are
    both a `RekindleError` and a `requests.RequestException`, with the response that led to them. After a 401, the read timeout
    of the request limits the wait for a refresh. Before the first send, requests does not expose its timeout, and the
    session's `wait_timeout` applies.
    """

    def __init__(self, session: SessionBase) -> None:
        self._session = session

    def __call__(self, r: Any) -> Any:
        """Called by requests."""
        whole = r.body.encode() if isinstance(r.body, str) else r.body
        content = b"" if whole is None else whole if isinstance(whole, bytes) else None
        replayable = content is not None or _rewinds(r)
        call = self._session._native.call(r.method, r.url, list(r.headers.items()), content, replayable)
        try:
            added = headers(call, self._session._ask)
        except RekindleError as error:
            raise also(error, _BASES, request=r, response=None) from error.__cause__
        if added:
            added.put(r.headers)
            carried = _Carried(self._session, call, added.names())
            r.register_hook("response", carried.answered)
        return r


class _Carried:
    """One request and its hops."""

    def __init__(self, session: SessionBase, call: Any, names: list[str]) -> None:
        self._session, self._call, self._names = session, call, names

    def answered(self, response: Any, **sent: Any) -> Any:
        """Called by requests, for each hop."""
        # Not the request of a replay: requests makes the next hop from this one.
        request = response.request
        while self._call.is_signed():
            signed = _accepted(self._call, response)
            try:
                again, judged = after(self._call, self._session._ask, signed, _limit(sent.get("timeout")))
            except RekindleError as error:
                raise also(error, _BASES, request=request, response=response) from error.__cause__
            if again is None:
                response.rekindle = judged
                if is_turned_away(judged) and response.is_redirect:
                    # requests returns a redirect without a Location and does not follow it.
                    del response.headers["location"]
                break
            response = _send_again(response, again, sent)
        if response.is_redirect:
            self._follow(request, response)
        return response

    def _follow(self, request: Any, response: Any) -> None:
        """Sets the headers of the next hop: requests copies them from this request."""
        url = _next_url(response)
        stays = url is not None and _same_origin(url, response.url)
        hop = request.copy()
        SessionRedirectMixin().rebuild_method(hop, response)
        # An empty URL is of no origin, so the core adds no headers.
        add = self._call.redirected(hop.method, url if stays else "")
        for name in self._names:
            request.headers.pop(name, None)
        if add:
            add.put(request.headers)
        elif not stays:
            for name in [name for name in request.headers if not travels(name)]:
                del request.headers[name]


def _accepted(call: Any, response: Any) -> bool | None:
    status, headers = response.status_code, list(response.headers.items())
    signed: bool | None = call.accepted(
        status, headers, response.content if call.reads(status, headers) else b""
    )
    return signed


def _limit(timeout: Any) -> float | None:
    """The read timeout of the request, which also limits the wait for a refresh."""
    if isinstance(timeout, tuple) and len(timeout) == 2:
        timeout = timeout[1]
    timeout = getattr(timeout, "read_timeout", timeout)
    return float(timeout) if isinstance(timeout, (int, float)) else None


def _rewinds(request: Any) -> bool:
    """Whether the body is a file whose position requests has recorded; requests rewinds it for redirects, too."""
    return isinstance(getattr(request, "_body_position", None), int) and hasattr(request.body, "seek")


def _send_again(response: Any, add: Any, sent: dict[str, Any]) -> Any:
    # The connection returns to its pool only after the body has been read.
    _ = response.content
    response.close()
    request = response.request.copy()
    if _rewinds(request):
        rewind_body(request)
    add.put(request.headers)
    again = response.connection.send(request, **sent)
    again.history.append(response)
    again.request = request
    return again


def _next_url(response: Any) -> str | None:
    """The next URL, as requests computes it from the Location."""
    target = SessionRedirectMixin().get_redirect_target(response)
    if target is None:
        return None
    if target.startswith("//"):
        target = f"{urlsplit(response.url).scheme}:{target}"
    # Parsing and unparsing changes the host of malformed URLs: http:////host becomes http://host.
    parsed = urlparse(target)
    quoted = requote_uri(parsed.geturl())
    return quoted if parsed.netloc else urljoin(response.url, quoted)


def _same_origin(one: str, other: str) -> bool:
    """Compares origins with requests' parser; the core also does with its own. An ambiguous URL counts as another origin."""
    try:
        there, here = urlsplit(one), urlsplit(other)
        ports = [part.port or {"http": 80, "https": 443}.get(part.scheme) for part in (there, here)]
    except ValueError:
        return False
    plain = not set(there.netloc) & set("@\\%") and "\\" not in one
    return plain and (there.scheme, there.hostname) == (here.scheme, here.hostname) and ports[0] == ports[1]
