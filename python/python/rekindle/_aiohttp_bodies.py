"""aiohttp bodies that can be sent again.

aiohttp reads files on threads of its own. The thread of a send that was ended by its response may still be reading, so the next
send reads the same file at its own offsets (`os.pread`), and the two do not interfere (rule 11.1).
"""

from __future__ import annotations

import copy
import io
import os
from collections.abc import Callable
from typing import Any

from aiohttp import MultipartWriter, payload


def renewal(body: Any) -> Callable[[], Any] | None:
    """Returns a function that makes the same body for another send; `None` if the body can be sent only once."""
    if isinstance(body, (bytes, bytearray, payload.BytesPayload)):
        return lambda: body
    if isinstance(body, MultipartWriter):
        return _of_parts(body)
    if isinstance(body, payload.IOBasePayload) and not isinstance(body, payload.TextIOPayload):
        return _of_file(body)
    return None


def _of_parts(form: Any) -> Callable[[], Any] | None:
    made = [(renewal(part), rest) for part, *rest in form._parts]
    if any(again is None for again, _ in made):
        return None

    def renewed() -> Any:
        one = copy.copy(form)
        one._parts = [(again() if again else None, *rest) for again, rest in made]
        return one

    return renewed


def _of_file(body: Any) -> Callable[[], Any] | None:
    file, start = body._value, getattr(body, "_start_position", None)
    try:
        if isinstance(file.read(0), str) or not file.seekable():
            return None
        start = file.tell() if start is None else start
        source = _Bytes(file) if isinstance(file, io.BytesIO) else _File(file.fileno())
    except (AttributeError, OSError, ValueError):
        return None

    def renewed() -> Any:
        one = copy.copy(body)
        one._value, one._start_position = source.at(start), start
        return one

    return renewed


class _Bytes:
    def __init__(self, file: io.BytesIO) -> None:
        self._file = file

    def at(self, start: int) -> io.BytesIO:
        again = io.BytesIO(self._file.getvalue())
        again.seek(start)
        return again


class _File:
    def __init__(self, descriptor: int) -> None:
        if not hasattr(os, "pread"):
            raise OSError("this system reads files by one position only")
        self._descriptor = descriptor

    def at(self, start: int) -> io.BufferedIOBase:
        again = io.BufferedReader(_ByOffset(self._descriptor))
        again.seek(start)
        return again


class _ByOffset(io.RawIOBase):
    """A file with a separate position. Closing it does not close the descriptor, which belongs to the caller."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at = 0

    def fileno(self) -> int:
        return self._descriptor

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        from_where = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: os.fstat(self._descriptor).st_size}
        self._at = max(0, from_where[whence] + offset)
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        read = os.pread(self._descriptor, len(buffer), self._at)
        buffer[: len(read)] = read
        self._at += len(read)
        return len(read)
