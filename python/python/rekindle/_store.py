"""Where a credential is kept."""

from __future__ import annotations

import enum
import os
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from ._errors import InvalidConfig


class Stored(NamedTuple):
    """A record, opaque to the store, and its version: equal versions mean equal records."""

    record: bytes
    version: str

    def __repr__(self) -> str:
        return f"Stored(<{len(self.record)} bytes>, version={self.version!r})"


class Expected(enum.Enum):
    """What a save may replace when it is not one version."""

    ABSENT = "absent"
    """There is no record."""
    ANYTHING = "anything"
    """Whatever is there: a sign-in, a sign-out."""


@runtime_checkable
class Store(Protocol):
    """Any object with these two. What they raise counts as "cannot tell now", never as "no record"."""

    def load(self) -> Stored | tuple[bytes, str] | None:
        """The record and its version; `None` only if there certainly is none."""
        ...

    def save(self, record: bytes, expected: str | Expected) -> str | None:
        """Replaces the record if it is still what was expected; the new version, or `None`: it was not."""
        ...


@runtime_checkable
class AsyncStore(Protocol):
    """The same with coroutines; they run on the loop that made the call, else on a private one."""

    async def load(self) -> Stored | tuple[bytes, str] | None:
        """As in `Store`."""
        ...

    async def save(self, record: bytes, expected: str | Expected) -> str | None:
        """As in `Store`."""
        ...


class FileStore:
    """A file that all processes of one machine share, mode 0600; a killed process loses nothing."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise InvalidConfig(f"path must be text or a path, not {type(path).__name__}")
        self.path = Path(path).expanduser()

    def __repr__(self) -> str:
        return f"FileStore({str(self.path)!r})"


class MemoryStore:
    """This process' memory: the default."""
