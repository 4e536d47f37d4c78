"""Stores of credentials."""

from __future__ import annotations

import enum
import os
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from ._errors import InvalidConfig


class Stored(NamedTuple):
    """A record, opaque to the store, and its version: equal versions mean equal records."""

    record: bytes
    version: str

    def __repr__(self) -> str:
        return f"Stored(<{len(self.record)} bytes>, version={self.version!r})"

    def __reduce__(self) -> Any:
        raise TypeError("a Stored holds tokens and is not pickled: take its .record and .version")


class Expected(enum.Enum):
    """What a save may replace, if not a certain version."""

    ABSENT = "absent"
    """There is no record."""
    ANYTHING = "anything"
    """Any record, or none: used for a sign-in and a sign-out."""


@runtime_checkable
class Store(Protocol):
    """A store is any object with these two methods. An exception means that the store is unavailable, never "no record".

    It keeps one record for each key; the key of a `Session` without an app is `default`. These members are optional; the
    methods may be sync or async:

    - `identity` (text, without the key): two stores with the same identity hold the same records.
    - `shared` (default True): whether other processes see the same records.
    - `announce(key, owner)`, `retire(key, owner)`, `owner(key, owner) -> bool | None`: distinguish a dead owner of a refresh
      from a slow one: `owner` returns whether the owner is alive, `None` if unknown.
    - `changed(key)`: returns when the record may have changed, to wake callers that wait for another process.
    - `now() -> float`: the store's own clock, in seconds since 1970.
    """

    def load(self, key: str) -> Stored | tuple[bytes, str] | None:
        """The key's record and its version; `None` only if it is certain that there is none."""
        ...

    def save(self, key: str, record: bytes, expected: str | Expected) -> str | None:
        """Replaces the record if its version is the expected one. Returns the new version, or `None` if it was not."""
        ...


@runtime_checkable
class AsyncStore(Protocol):
    """A `Store` with coroutines. They run on the caller's event loop, or on a private loop if the call is sync."""

    async def load(self, key: str) -> Stored | tuple[bytes, str] | None:
        """As in `Store`."""
        ...

    async def save(self, key: str, record: bytes, expected: str | Expected) -> str | None:
        """As in `Store`."""
        ...


class FileStore:
    """Stores a credential in a file with mode 0600, which all processes of the machine may share. Killing a process at any
    time loses nothing that was stored.

    It holds one session. `FileStore.folder(path)` holds one for each key, each in a separate file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise InvalidConfig(f"path must be text or a path, not {type(path).__name__}")
        self.path = Path(path).expanduser()
        self.is_folder = False

    @classmethod
    def folder(cls, path: str | os.PathLike[str]) -> FileStore:
        """A folder with a file for each key."""
        store = cls(path)
        store.is_folder = True
        return store

    def __repr__(self) -> str:
        return f"FileStore{'.folder' if self.is_folder else ''}({str(self.path)!r})"


class MemoryStore:
    """Stores credentials in this process's memory: the default."""
