"""Checks of arguments. Each runs before anything else happens, and its error names the argument."""

from __future__ import annotations

from collections.abc import Iterable

from ._errors import InvalidConfig


def text(name: str, value: object) -> str | None:
    """A text, or `None`."""
    if value is None or isinstance(value, str):
        return value
    raise InvalidConfig(f"{name} must be text, not {type(value).__name__}")


def url(name: str, value: object) -> str | None:
    """A URL as text or as an object such as `httpx.URL` or `yarl.URL`; or `None`."""
    if value is None or type(value) is str:
        return value
    if hasattr(value, "scheme") and hasattr(value, "host"):
        return str(value)
    return text(name, value)


def statuses(name: str, values: object) -> list[int] | None:
    """A list of statuses, or `None`."""
    if values is None:
        return None
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise InvalidConfig(f"{name} must be a list of statuses, not {type(values).__name__}")
    found = list(values)
    if not all(isinstance(one, int) and not isinstance(one, bool) and 400 <= one < 600 for one in found):
        raise InvalidConfig(f"{name} must hold only statuses from 400 to 599")
    return [int(one) for one in found]


def sends(name: str, value: object) -> int | None:
    """A number of sends, or `None`."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**31:
        raise InvalidConfig(f"{name} must be a whole number above 0: 1 sends once and never again")
    return value


def texts(name: str, values: object) -> list[str]:
    """A list of texts; a single text is an error."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidConfig(f"{name} must be a list of texts, not {type(values).__name__}")
    found = list(values)
    if not all(isinstance(one, str) for one in found):
        raise InvalidConfig(f"{name} must hold only texts")
    return found


def flag(name: str, value: object) -> bool:
    """True or False, nothing else: a text such as "no" would count as True."""
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


def maybe_seconds(name: str, value: object) -> float | None:
    """A number of seconds above 0, or `None` for the default."""
    return None if value is None else seconds(name, value)


def count(name: str, value: object) -> int | None:
    """A whole number of 0 or above, or `None`."""
    if value is None or (type(value) is int and 0 <= value < 2**31):
        return value
    raise InvalidConfig(f"{name} must be a whole number of 0 or above")


def timeouts(name: str, value: object) -> tuple[float | None, float | None, float | None]:
    """The total, connect and read timeouts in seconds: a number is the total, a pair the other two, as in requests.

    In the result 0 is no limit, and `None` the client's setting.
    """
    if not isinstance(value, tuple):
        return limit(name, value) or 0.0, None, None
    if len(value) != 2:
        raise InvalidConfig(f"{name} must be a number of seconds, None, or a pair of seconds: to connect, and to read")
    connect, read = (limit(f"{name}[{at}]", one) or 0.0 for at, one in enumerate(value))
    return 0.0, connect, read
