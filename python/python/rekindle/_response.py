"""Responses."""

from __future__ import annotations

import codecs
import http
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from . import _native
from ._errors import HttpStatus, InvalidResponse, Misuse
from ._wait import wait_for


class Redirect(NamedTuple):
    """A redirect that was followed."""

    status_code: int
    url: str


@dataclass(frozen=True)
class Verdict:
    """What a response says about the session's token (rule 2.1). Fields that do not apply are `None`."""

    name: str
    """`accepted`, `expired`, `insufficient_scope`, `step_up`, `nonce_required`, `rate_limited`, `unavailable` or
    `denied`."""
    reason: str | None = None
    """Why the server rejected the token: `expired`, `invalid`, `revoked` or `unknown`."""
    applied: str | None = None
    """Whether the rejected request may have had an effect: `no` or `maybe`."""
    scope: str | None = None
    """The scope that the request needs."""
    acr_values: str | None = None
    """With `max_age` and `claims`: the parameters that signing in again must request (RFC 9470)."""
    max_age: int | None = None
    claims: str | None = None
    nonce: str | None = None
    """The nonce for the next DPoP proof (RFC 9449)."""
    retry_after: float | None = None
    """The server's Retry-After, in seconds."""


class Headers(Mapping[str, str]):
    """Headers with case-insensitive names. The values of a repeated name are joined by commas; `get_list` returns them singly."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def get_list(self, name: str) -> list[str]:
        """All values of a name, in order."""
        wanted = name.lower()
        return [value for key, value in self._pairs if key == wanted]

    def __getitem__(self, name: str) -> str:
        values = self.get_list(name)
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._pairs))

    def __len__(self) -> int:
        return len(dict(self._pairs))

    def __repr__(self) -> str:
        # The values may be cookies and tokens.
        return f"Headers({list(self)})"


class _Base:
    def __init__(self, raw: tuple[Any, ...]) -> None:
        # The other attributes are read from it when they are accessed.
        self._raw = raw
        body = raw[8]
        self._body: bytes | None = body if isinstance(body, bytes) else None
        self._stream: _native.Stream | None = None if isinstance(body, bytes) else body
        self._begun = False
        self._most: int | None = None
        self._headers: Headers | None = None

    @property
    def status_code(self) -> int:
        """The status code."""
        status: int = self._raw[0]
        return status

    @property
    def url(self) -> str:
        """The URL that it came from, after redirects."""
        url: str = self._raw[1]
        return url

    @property
    def http_version(self) -> str:
        """The HTTP version, as in httpx: `HTTP/1.1`, `HTTP/2`."""
        version: str = self._raw[2]
        return version

    @property
    def headers(self) -> Headers:
        """The headers; names are case-insensitive."""
        if self._headers is None:
            self._headers = Headers(self._raw[3])
        return self._headers

    @cached_property
    def cookies(self) -> dict[str, str]:
        """The names and values of the cookies that this response sets, whether or not they are stored."""
        found = (value.split(";", 1)[0].partition("=") for value in self.headers.get_list("set-cookie"))
        return {name.strip(): value.strip() for name, sign, value in found if sign and name.strip()}

    @cached_property
    def history(self) -> list[Redirect]:
        """The redirects that led to this response."""
        return [Redirect(*one) for one in self._raw[4]]

    @cached_property
    def elapsed(self) -> timedelta:
        """The time from the call to the headers, including redirects and replays."""
        return timedelta(seconds=self._raw[5])

    @property
    def verdict(self) -> Verdict | None:
        """What the response, as far as it has been read, says about the session's token; `None` if the request had no token."""
        facts, _ = self._judged()
        return None if facts is None else Verdict(**facts)

    @property
    def replay_refused(self) -> str | None:
        """Why the request was not sent again although its token was rejected; otherwise `None`."""
        return self._judged()[1]

    def _judged(self) -> tuple[dict[str, Any] | None, str | None]:
        return self._raw[6:8] if self._stream is None else self._stream.judged()

    @property
    def is_success(self) -> bool:
        """Whether the status is between 200 and 299."""
        return 200 <= self.status_code < 300

    ok = is_success

    @property
    def is_error(self) -> bool:
        """Whether the status is 400 or above."""
        return self.status_code >= 400

    @property
    def is_client_error(self) -> bool:
        """Whether the status is between 400 and 499."""
        return 400 <= self.status_code < 500

    @property
    def is_server_error(self) -> bool:
        """Whether the status is between 500 and 599."""
        return 500 <= self.status_code < 600

    @property
    def is_redirect(self) -> bool:
        """Whether the response is a redirect with a `Location`."""
        return self.status_code in (301, 302, 303, 307, 308) and "location" in self.headers

    @property
    def reason_phrase(self) -> str:
        """The standard reason phrase of the status; empty if there is none."""
        try:
            return http.HTTPStatus(self.status_code).phrase
        except ValueError:
            return ""

    @property
    def content(self) -> bytes:
        """The whole body."""
        if self._body is None:
            raise Misuse("this body is streamed: read it first, or iterate over it")
        return self._body

    def _begin(self) -> _native.Stream | None:
        """The stream, for its only reader; `None` if the whole body is in memory (rule 11.3)."""
        if self._stream is None or self._body is not None:
            return None
        if self._begun:
            raise Misuse("this body is read as it comes, once: keep what it gave, or read it whole at first")
        self._begun = True
        return self._stream

    @property
    def encoding(self) -> str:
        """The charset of the `Content-Type`, if Python supports it; otherwise UTF-8."""
        for part in self.headers.get("content-type", "").split(";")[1:]:
            name, _, value = part.strip().partition("=")
            if name.lower() == "charset":
                try:
                    return codecs.lookup(value.strip("\"' ")).name
                except LookupError:
                    break
        return "utf-8"

    @property
    def text(self) -> str:
        """The whole body as text; bytes that cannot be decoded are replaced."""
        return self.content.decode(self.encoding, errors="replace")

    def json(self) -> Any:
        """The whole body as JSON; raises `InvalidResponse`, a `JSONDecodeError`, if it is not JSON."""
        try:
            return json.loads(self.content)
        except ValueError:
            message = f"{self._instead()}, in a {self.status_code} from {self._place()}; see its response"
        # Outside `except`: otherwise the parser's own error would put the body into tracebacks.
        raise InvalidResponse(message, status=self.status_code, response=self._kept())

    def _instead(self) -> str:
        """Describes the body that is not JSON."""
        begins = self.content.removeprefix(b"\xef\xbb\xbf").lstrip()[:14].lower()
        says_html = self.headers.get("content-type", "").lower().startswith("text/html")
        if not begins:
            return "the body is empty, not JSON"
        if begins.startswith((b"<!doctype html", b"<html")) or (says_html and begins.startswith(b"<")):
            return "the body is an HTML page, not JSON"
        return "the body is not JSON"

    def _check(self) -> None:
        if self.is_error:
            message = f"{self.status_code} from {self._place()}; read its response for the reason"
            raise HttpStatus(message, status=self.status_code, response=self._kept())

    def _kept(self) -> Any:
        return self

    def _place(self) -> str:
        return urlunsplit(urlsplit(self.url)._replace(query="", fragment=""))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} [{self.status_code}] {self._place()}>"


class _Lines:
    """Splits pieces of text into lines; a line ending may be split between two pieces."""

    def __init__(self) -> None:
        self._left = ""

    def feed(self, text: str) -> list[str]:
        lines = (self._left + text).splitlines(keepends=True)
        unfinished = bool(lines) and not lines[-1].endswith("\n")
        self._left = lines.pop() if unfinished else ""
        return [line.splitlines()[0] for line in lines]

    def rest(self) -> list[str]:
        return self._left.splitlines()


class _Whole:
    """A body that is read completely, up to the client's limit (rule 11.4)."""

    def __init__(self, most: int | None) -> None:
        self.chunks: list[bytes] = []
        self._left = most

    def add(self, chunk: bytes, response: _Base) -> None:
        self.chunks.append(chunk)
        if self._left is not None:
            self._left -= len(chunk)
            if self._left < 0:
                self.chunks.clear()
                what = "is longer than the client's max_body_bytes; iterate over it, or raise that"
                raise InvalidResponse(f"the body from {response._place()} {what}")


class Response(_Base):
    """A response. Its body is in memory, or, with `stream`, arrives while it is read."""

    def raise_for_status(self) -> Response:
        """Itself; `HttpStatus` for a status of 400 or above."""
        self._check()
        return self

    def iter_bytes(self) -> Iterator[bytes]:
        """The body as it comes."""
        if (stream := self._begin()) is None:
            if self._body:
                yield self._body
            return
        while (chunk := stream.chunk()) is not None:
            yield chunk

    def iter_text(self) -> Iterator[str]:
        """The body as it comes, as text; what does not decode is replaced."""
        decoder = codecs.getincrementaldecoder(self.encoding)(errors="replace")
        for chunk in self.iter_bytes():
            if text := decoder.decode(chunk):
                yield text
        if text := decoder.decode(b"", final=True):
            yield text

    def iter_lines(self) -> Iterator[str]:
        """The body line by line, without line endings."""
        lines = _Lines()
        for text in self.iter_text():
            yield from lines.feed(text)
        yield from lines.rest()

    def read(self) -> bytes:
        """The whole body."""
        if self._body is None:
            whole = _Whole(self._most)
            for chunk in self.iter_bytes():
                whole.add(chunk, self)
            self._body = b"".join(whole.chunks)
        return self._body

    def close(self) -> None:
        """Gives up what has not been read."""
        if self._stream is not None:
            self._stream.close()

    def __enter__(self) -> Response:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncResponse(_Base):
    """A response of the async client."""

    def raise_for_status(self) -> AsyncResponse:
        """Itself; `HttpStatus` for a status of 400 or above."""
        self._check()
        return self

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        if (stream := self._begin()) is None:
            if self._body:
                yield self._body
            return
        while (chunk := await wait_for(stream.chunk)) is not None:
            yield chunk

    async def aiter_text(self) -> AsyncIterator[str]:
        """The body as it comes, as text; what does not decode is replaced."""
        decoder = codecs.getincrementaldecoder(self.encoding)(errors="replace")
        async for chunk in self.aiter_bytes():
            if text := decoder.decode(chunk):
                yield text
        if text := decoder.decode(b"", final=True):
            yield text

    async def aiter_lines(self) -> AsyncIterator[str]:
        """The body line by line, without line endings."""
        lines = _Lines()
        async for text in self.aiter_text():
            for line in lines.feed(text):
                yield line
        for line in lines.rest():
            yield line

    async def aread(self) -> bytes:
        """The whole body."""
        if self._body is None:
            whole = _Whole(self._most)
            async for chunk in self.aiter_bytes():
                whole.add(chunk, self)
            self._body = b"".join(whole.chunks)
        return self._body

    async def aclose(self) -> None:
        """Gives up what has not been read."""
        if self._stream is not None:
            self._stream.close()

    async def __aenter__(self) -> AsyncResponse:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
