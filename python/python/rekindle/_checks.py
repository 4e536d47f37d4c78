"""Arguments that make no sense are told by their name, before anything else happens."""

from __future__ import annotations

from collections.abc import Iterable

from ._errors import InvalidConfig


def text(name: str, value: object) -> str | None:
    """A text, or `None`."""
    if value is None or isinstance(value, str):
        return value
    raise InvalidConfig(f"{name} must be text, not {type(value).__name__}")


def texts(name: str, values: object) -> list[str]:
    """A list of texts; one text alone is a mistake."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidConfig(f"{name} must be a list of texts, not {type(values).__name__}")
    found = list(values)
    if not all(isinstance(one, str) for one in found):
        raise InvalidConfig(f"{name} must hold only texts")
    return found


def flag(name: str, value: object) -> bool:
    """True or False: a text such as "no" would count as True."""
    if isinstance(value, bool):
        return value
    raise InvalidConfig(f"{name} must be True or False, not {type(value).__name__}")


def seconds(name: str, value: object) -> float:
    """A number of seconds above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise InvalidConfig(f"{name} must be a number of seconds above 0")
    return float(value)


def limit(name: str, value: object) -> float | None:
    """A number of seconds above 0; `None` for no limit."""
    return None if value is None else seconds(name, value)
