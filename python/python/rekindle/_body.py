"""What a caller gives as a request, in plain values; and whether its body can be sent twice."""

from __future__ import annotations

import asyncio
import json as _json
import mimetypes
import os
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping
from typing import Any, Literal
from urllib.parse import urlencode

from ._arguments import flag, limit, text
from ._errors import InvalidConfig
from ._loops import wait_on

_PIECE = 65536
_Pull = Callable[[], "bytes | None"]
_Chunks = tuple[Callable[[], _Pull], bool]


def pairs(name: str, given: object) -> list[tuple[str, str]]:
    """Name and value pairs of a mapping or of pairs; lists repeat the name, `None` is left out."""
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
    json: Any,
    data: Any,
    content: Any,
    files: Any,
    timeout: float | None | Literal["client"],
    follow_redirects: bool,
    idempotency_key: Any,
    loop: asyncio.AbstractEventLoop | None,
    broken: list[BaseException],
) -> dict[str, Any]:
    """The keywords of the native `request`; what the body's own iterator raises later comes into `broken`."""
    given = [name for name, one in (("json", json), ("content", content)) if one is not None]
    given += ["data or files"] if data is not None or files is not None else []
    if len(given) > 1:
        raise InvalidConfig(f"{' and '.join(given)} are both bodies: give one")
    plain = pairs("headers", headers)
    bare, chunks, parts, media_type = None, None, None, None
    if json is not None:
        bare, media_type = _encode(json), "application/json"
    elif files is not None:
        parts = _parts(data, files)
    elif data is not None:
        if isinstance(data, (str, bytes, bytearray, memoryview)):
            raise InvalidConfig("data is a form, a mapping or pairs: give a body as it is by content")
        bare, media_type = urlencode(pairs("data", data)).encode(), "application/x-www-form-urlencoded"
    elif content is not None:
        bare, chunks = _content(content, loop)
        chunks = None if chunks is None else _watched(chunks, broken)
    if media_type is not None and not any(name.lower() == "content-type" for name, _ in plain):
        plain.append(("content-type", media_type))
    return {
        "params": pairs("params", params),
        "headers": plain,
        "content": bare,
        "chunks": chunks,
        "files": parts,
        "timeout": None if timeout == "client" else (limit("timeout", timeout),),
        "idempotency_key": text("idempotency_key", idempotency_key),
        "follow_redirects": flag("follow_redirects", follow_redirects),
    }


def _encode(value: object) -> bytes:
    try:
        return _json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidConfig(f"json cannot be written as JSON ({type(error).__name__})") from None


def _content(content: Any, loop: asyncio.AbstractEventLoop | None) -> tuple[bytes | None, _Chunks | None]:
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
        # A list can be walked twice, an iterator once.
        return None, (lambda: _pull(iter(content)), not isinstance(content, Iterator))
    raise InvalidConfig(f"content must be bytes, text, a file or an iterator, not {type(content).__name__}")


def _watched(chunks: _Chunks, broken: list[BaseException]) -> _Chunks:
    """The engine knows only that it broke."""
    make, replayable = chunks

    def watch(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except BaseException as error:
            broken.append(error)
            raise

    def watched() -> _Pull:
        pull: _Pull = watch(make)
        return lambda: watch(pull)

    return watched, replayable


def _file(file: Any) -> _Chunks:
    seekable = bool(getattr(file, "seekable", lambda: False)())
    start = file.tell() if seekable else 0

    def make() -> _Pull:
        if seekable:
            file.seek(start)
        return lambda: _bytes(file.read(_PIECE)) or None

    return make, seekable


def _pull(iterator: Iterator[Any]) -> _Pull:
    def pull() -> bytes | None:
        for piece in iterator:
            return _bytes(piece)
        return None

    return pull


def _async_pieces(content: AsyncIterable[Any], loop: asyncio.AbstractEventLoop) -> _Chunks:
    iterator = aiter(content)

    async def next_one() -> Any:
        async for piece in iterator:
            return _bytes(piece)
        return None

    return lambda: lambda: wait_on(loop, next_one()), False


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
