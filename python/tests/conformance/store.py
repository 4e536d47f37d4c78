"""A store that fails on demand, sync and async, and what can happen to a file."""

from __future__ import annotations

from pathlib import Path

import rekindle


class Life:
    """Whether a process still lives."""

    def __init__(self) -> None:
        self.ended = False


class Shelf:
    """One record that all sessions of a case share."""

    def __init__(self) -> None:
        self.record: bytes | None = None
        self.saves = 0
        self.loading = "works"
        self.saving = "works"
        self.owners: dict[str, Life] = {}

    def damage(self, how: str) -> None:
        self.record = None if self.record is None else damaged(self.record, how)
        self.saves += 1


class Scripted:
    """The shelf, as a process sees it. It runs under the interpreter's lock, a call at a time."""

    def __init__(self, shelf: Shelf, life: Life) -> None:
        self._shelf = shelf
        self._life = life
        self.identity = f"scripted {id(shelf)}"

    def load(self, key: str) -> rekindle.Stored | None:
        shelf = self._shelf
        if shelf.loading != "works" or self._life.ended:
            raise OSError("as scripted")
        return None if shelf.record is None else rekindle.Stored(shelf.record, str(shelf.saves))

    def save(self, key: str, record: bytes, expected: str | rekindle.Expected) -> str | None:
        shelf = self._shelf
        if shelf.saving == "unavailable" or self._life.ended:
            raise OSError("as scripted")
        current = rekindle.Expected.ABSENT if shelf.record is None else str(shelf.saves)
        if expected not in (current, rekindle.Expected.ANYTHING):
            return None
        shelf.record, shelf.saves = record, shelf.saves + 1
        if shelf.saving == "lands":
            raise OSError("as scripted, though it has landed")
        return str(shelf.saves)

    def announce(self, key: str, owner: str) -> None:
        self._shelf.owners[owner] = self._life

    def retire(self, key: str, owner: str) -> None:
        """Its name is never used again."""

    def owner(self, key: str, owner: str) -> bool | None:
        life = self._shelf.owners.get(owner)
        return None if life is None else not life.ended


class AsyncScripted:
    """The same with coroutines."""

    def __init__(self, shelf: Shelf, life: Life) -> None:
        self._sync = Scripted(shelf, life)
        self.identity = self._sync.identity

    async def load(self, key: str) -> rekindle.Stored | None:
        return self._sync.load(key)

    async def save(self, key: str, record: bytes, expected: str | rekindle.Expected) -> str | None:
        return self._sync.save(key, record, expected)

    async def announce(self, key: str, owner: str) -> None:
        self._sync.announce(key, owner)

    async def retire(self, key: str, owner: str) -> None:
        self._sync.retire(owner)

    async def owner(self, key: str, owner: str) -> bool | None:
        return self._sync.owner(key, owner)


def damage_file(path: Path, how: str) -> None:
    record = damaged(path.read_bytes(), how)
    path.unlink() if record is None else path.write_bytes(record)


def damaged(record: bytes, how: str) -> bytes | None:
    match how:
        case "remove":
            return None
        case "empty":
            return b""
        case "truncate":
            return record[: len(record) // 2]
        case "garbage":
            return b"#" * len(record)
        case "trailing":
            return record + b"}trailing"
        case _:
            raise ValueError(how)
