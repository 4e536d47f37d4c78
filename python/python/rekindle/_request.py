"""Converts the options of a request to plain values, and determines whether its body can be sent twice."""

from __future__ import annotations

import asyncio
import base64
import io
import json as _json
import mimetypes
import os
import re
import stat
import tempfile
import threading
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from ._checks import text
from ._errors import InvalidConfig, Misuse
from ._loops import wait_on

_PIECE = 65536
_COOKIE_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_COOKIE_VALUE = re.compile(r"[\x21-\x3a\x3c-\x7e]*")
_T = TypeVar("_T")
_Pull = Callable[[], "bytes | None"]


class Own:
    """The settings of a request that differ from its client's."""

    def __init__(
        self,
        max_sends: int | None,
        retry_statuses: list[int] | None,
        replay: bool | None,
        without_token: bool = False,
        connect_timeout: float | None = None,
        read_timeout: float | None = None,
    ) -> None:
        self.max_sends = max_sends
        self.retry_statuses = retry_statuses
        self.replay = replay
        self.without_token = without_token
        self.connect_timeout = connect_timeout
        self.read_timeout = read_timeout


class Source:
    """A body that is read piece by piece, by one reader at a time: the previous one stops before the next starts (rule 11.1)."""

    def __init__(self, make: Callable[[], _Pull], *, replayable: bool, length: int | None = None) -> None:
        self.replayable = replayable
        self.length = length
        self.broken: BaseException | None = None
        self._make = make
        self._lock = threading.Lock()
        self._reader = 0

    def open(self) -> _Pull:
        """Called by the native module. Returns a function that returns one piece at each call, and `None` at the end."""
        with self._lock:
            self._reader += 1
            mine, self.broken = self._reader, None
            pull = self._watch(self._make)

        def read() -> bytes | None:
            with self._lock:
                if self._reader != mine:
                    raise Misuse("this body was given up: its answer was there before all of it was sent")
                return self._watch(pull)

        return read

    def end(self, *, patience: float = 0.0) -> None:
        """Stops reading. Waits up to `patience` seconds for the piece that is being read: a pipe may never deliver it."""
        self._reader += 1
        if patience and self._lock.acquire(timeout=patience):
            self._lock.release()

    def _watch(self, call: Callable[[], _T]) -> _T:
        """Keeps the exception of the caller's iterator: the engine reports only that the body failed."""
        try:
            return call()
        except BaseException as error:
            self.broken = error
            raise


def pairs(name: str, given: object) -> list[tuple[str, str]]:
    """Name and value pairs from a mapping or an iterable of pairs. A list repeats the name; `None` is left out."""
    if given is None:
        return []
    items = given.items() if isinstance(given, Mapping) else given
    if isinstance(items, (str, bytes)) or not isinstance(items, Iterable):
        raise InvalidConfig(f"{name} must be a mapping or pairs, not {type(given).__name__}")
    found: list[tuple[str, str]] = []
    for item in items:
        try:
            key, value = item
        except (TypeError, ValueError):
            raise InvalidConfig(f"{name} must hold pairs") from None
        values = value if isinstance(value, (list, tuple)) else [value]
        found.extend((_plain(name, key), _plain(name, one)) for one in values if one is not None)
    return found


def _plain(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    if isinstance(value, bytes) and name == "headers":
        return value.decode("latin-1")
    raise InvalidConfig(f"{name} must hold texts and numbers, not {type(value).__name__}")


def options(
    *,
    params: Any,
    headers: Any,
    cookies: Any,
    json: Any,
    data: Any,
    content: Any,
    files: Any,
    timeout: float | None,
    idempotency_key: Any,
    auth: Any,
    own: Own | None,
    loop: asyncio.AbstractEventLoop | None,
) -> dict[str, Any]:
    """The optional arguments of a request, as the native `request` takes them."""
    given = [name for name, one in (("json", json), ("content", content)) if one is not None]
    given += ["data or files"] if data is not None or files is not None else []
    if len(given) > 1:
        raise InvalidConfig(f"{' and '.join(given)} are both bodies: give one")
    plain = pairs("headers", headers)
    bare, source, parts, media_type = None, None, None, None
    if json is not None:
        bare, media_type = _encode(json), "application/json"
    elif files is not None:
        parts = _parts(data, files)
    elif data is not None:
        if isinstance(data, (str, bytes, bytearray, memoryview)):
            raise InvalidConfig("data is a form, a mapping or pairs: give a body as it is by content")
        bare, media_type = urlencode(pairs("data", data)).encode(), "application/x-www-form-urlencoded"
    elif content is not None:
        bare, source = _content(content, loop)
    if cookies is not None:
        mine = [value for name, value in plain if name.lower() == "cookie"] + cookie_pairs(cookies)
        plain = [(name, value) for name, value in plain if name.lower() != "cookie"]
        plain += [("cookie", "; ".join(mine))] if mine else []
    if isinstance(auth, tuple):
        plain.append(("authorization", _basic(auth)))
    if media_type is not None and not any(name.lower() == "content-type" for name, _ in plain):
        plain.append(("content-type", media_type))
    return {
        "params": pairs("params", params),
        "headers": plain,
        "content": bare,
        "source": source,
        "files": parts,
        "timeout": timeout,
        "own": own,
        "idempotency_key": text("idempotency_key", idempotency_key),
    }


def cookie_pairs(cookies: object) -> list[str]:
    """`name=value` for each cookie; invalid characters raise InvalidConfig (RFC 6265 section 4.1.1)."""
    if not isinstance(cookies, Mapping):
        raise InvalidConfig(f"cookies must be a mapping of names to values, not {type(cookies).__name__}")
    found = pairs("cookies", cookies)
    for name, value in found:
        if not _COOKIE_NAME.fullmatch(name) or not _COOKIE_VALUE.fullmatch(value):
            raise InvalidConfig("cookies must have names of letters, digits and -_. and the like, and values of visible ASCII without ;")
    return [f"{name}={value}" for name, value in found]


def _basic(auth: tuple[object, ...]) -> str:
    if len(auth) != 2 or not all(isinstance(one, str) for one in auth) or ":" in str(auth[0]):
        raise InvalidConfig("auth must be None, or a pair of a user's name without a colon and a password")
    return "Basic " + base64.b64encode(f"{auth[0]}:{auth[1]}".encode()).decode()


def _encode(value: object) -> bytes:
    try:
        return _json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidConfig(f"json cannot be written as JSON ({type(error).__name__})") from None


def _content(content: Any, loop: asyncio.AbstractEventLoop | None) -> tuple[bytes | None, Source | None]:
    if isinstance(content, str):
        return content.encode(), None
    if isinstance(content, (bytes, bytearray, memoryview)):
        return bytes(content), None
    if callable(getattr(content, "read", None)):
        return None, _file(content)
    if isinstance(content, AsyncIterable):
        if loop is None:
            raise InvalidConfig("content is an async iterator: only AsyncClient can send it")
        return None, _async_pieces(content, loop)
    if isinstance(content, Iterable):
        # A list can be iterated twice, an iterator only once.
        return None, Source(lambda: _pull(iter(content)), replayable=not isinstance(content, Iterator))
    raise InvalidConfig(f"content must be bytes, text, a file or an iterator, not {type(content).__name__}")


def _file(file: Any) -> Source:
    seekable = bool(getattr(file, "seekable", lambda: False)())
    start = file.tell() if seekable else 0

    def make() -> _Pull:
        if seekable:
            file.seek(start)
        return lambda: _bytes(file.read(_PIECE)) or None

    return Source(make, replayable=seekable, length=_length(file, start) if seekable else None)


def _length(file: Any, start: int) -> int | None:
    """The remaining length of a binary file, for Content-Length; `None` if it is only known after reading the file."""
    # The wrappers of `tempfile` are unwrapped. Other wrappers may return different bytes than the file's.
    inner = getattr(file, "_file" if isinstance(file, tempfile.SpooledTemporaryFile) else "file", file)
    raw = getattr(inner, "raw", inner)
    if isinstance(inner, io.BytesIO):
        size = inner.getbuffer().nbytes
    elif isinstance(inner, (io.BufferedReader, io.BufferedRandom, io.FileIO)) and isinstance(raw, io.FileIO):
        found = os.fstat(raw.fileno())
        if not stat.S_ISREG(found.st_mode):
            return None
        size = found.st_size
    else:
        return None
    return max(size - start, 0)


def _pull(iterator: Iterator[Any]) -> _Pull:
    def pull() -> bytes | None:
        for piece in iterator:
            return _bytes(piece)
        return None

    return pull


def _async_pieces(content: AsyncIterable[Any], loop: asyncio.AbstractEventLoop) -> Source:
    iterator = aiter(content)

    async def next_one() -> Any:
        async for piece in iterator:
            return _bytes(piece)
        return None

    return Source(lambda: lambda: wait_on(loop, next_one()), replayable=False)


def _bytes(piece: object) -> bytes:
    if isinstance(piece, str):
        return piece.encode()
    if isinstance(piece, (bytes, bytearray, memoryview)):
        return bytes(piece)
    raise InvalidConfig(f"content must give bytes, not {type(piece).__name__}")


def _parts(data: Any, files: Any) -> list[tuple[str, str | None, str | None, bytes]]:
    parts: list[tuple[str, str | None, str | None, bytes]] = []
    parts += [(name, None, None, value.encode()) for name, value in pairs("data", data)]
    items = files.items() if isinstance(files, Mapping) else files
    if isinstance(items, (str, bytes)) or not isinstance(items, Iterable):
        raise InvalidConfig(f"files must be a mapping or pairs, not {type(files).__name__}")
    for item in items:
        if not isinstance(item, tuple) or len(item) != 2:
            raise InvalidConfig("files must hold pairs of a name and a file")
        parts.append((str(item[0]), *_part(item[1])))
    return parts


def _part(file: Any) -> tuple[str | None, str | None, bytes]:
    media_type: str | None = None
    if isinstance(file, tuple):
        if len(file) not in (2, 3):
            raise InvalidConfig("files must hold (file name, content) or (file name, content, media type)")
        name, file, *rest = file
        media_type = rest[0] if rest else None
    else:
        name = os.path.basename(str(getattr(file, "name", "upload")))
    if media_type is None and name is not None:
        media_type = mimetypes.guess_type(str(name))[0] or "application/octet-stream"
    try:
        return name, media_type, _bytes(file.read() if hasattr(file, "read") else file)
    except InvalidConfig:
        raise InvalidConfig(f"files must hold bytes or binary files, not {type(file).__name__}") from None
