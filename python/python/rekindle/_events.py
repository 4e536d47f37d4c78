"""The events of a session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from . import _native
from ._wait import wait_for


class Event:
    """One event: its `name`, `lineage` and `generation`, and the fields of its kind as `details`. It contains no secrets."""

    __slots__ = ("details", "generation", "lineage", "name")

    def __init__(self, facts: dict[str, Any]) -> None:
        self.name: str = facts.pop("name")
        self.lineage: str = facts.pop("lineage")
        self.generation: int = facts.pop("generation")
        self.details = facts

    def __repr__(self) -> str:
        told = "".join(f", {name}={value!r}" for name, value in self.details.items())
        return f"Event({self.name}, generation={self.generation}{told})"


class Events:
    """The events since this object was made. Iterate over it with `for` or `async for`; the iteration never ends."""

    def __init__(self, native: _native.Events) -> None:
        self._native = native

    def poll(self) -> Event | None:
        """The next event, or `None` if there is none yet."""
        facts = self._native.poll()
        return None if facts is None else Event(facts)

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        return Event(self._native.next())

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        return Event(await wait_for(self._native.next))
