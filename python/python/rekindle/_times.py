"""Points in time, as users pass them."""

from __future__ import annotations

from datetime import datetime

from ._errors import InvalidConfig
from ._native import iso_8601


def epoch(name: str, value: object) -> float | None:
    """Seconds since 1970, from a number, a `datetime` or a text. The latter two must have a time zone."""
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidConfig(f"{name} must be a datetime with a zone: give it tzinfo=timezone.utc, or yours")
        return value.timestamp()
    if isinstance(value, str):
        at = iso_8601(value)
        if at is None:
            raise InvalidConfig(f"{name} must be a date with its zone, such as 2026-11-28T10:00:00Z")
        return at
    raise InvalidConfig(f"{name} must be epoch seconds, a datetime or a text, not {type(value).__name__}")
