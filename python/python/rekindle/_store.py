"""Where a credential is kept."""

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
    """What a save may replace when it is not one version."""

    ABSENT = "absent"
    """There is no record."""
    ANYTHING = "anything"
    """Whatever is there: a sign-in, a sign-out."""


@runtime_checkable
class Store(Protocol):
    """Any object with these two. What they raise counts as "cannot tell now", never as "no record".

    It keeps a record for each key: `App.session(key)` has one of its own; that of a `Session` alone is `default`.
    Optional, sync or async like these:

    - `identity` (text, without the key): two stores of one identity hold the same records.
    - `shared` (default True): whether other processes see the same records.
    - `announce(key, owner)`, `retire(key, owner)`, `owner(key, owner) -> bool | None`: tell the dead owner of a refresh
      from a slow one.
    - `changed(key)`: returns when the record may have changed, a wake-up for those who wait for another process.
    - `now() -> float`: the store's own clock, in seconds since 1970.
    """

    def load(self, key: str) -> Stored | tuple[bytes, str] | None:
        """The record of that key and its version; `None` only if there certainly is none."""
        ...

    def save(self, key: str, record: bytes, expected: str | Expected) -> str | None:
        """Replaces the record if it is still what was expected; the new version, or `None`: it was not."""
        ...


@runtime_checkable
class AsyncStore(Protocol):
    """The same with coroutines; they run on the loop that made the call, else on a private one."""

    async def load(self, key: str) -> Stored | tuple[bytes, str] | None:
        """As in `Store`."""
        ...

    async def save(self, key: str, record: bytes, expected: str | Expected) -> str | None:
        """As in `Store`."""
        ...


class FileStore:
    """A file that all processes of one machine share, mode 0600; a killed process loses nothing.

    It keeps one session. `FileStore.folder(path)` keeps one for each key, each in a file of its own.
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
    """This process' memory: the default."""
