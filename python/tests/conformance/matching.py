"""Patterns: what a case expects of a value."""

from __future__ import annotations

import json
from typing import Any

_TYPES = ((bool, "boolean"), (int | float, "number"), (str, "string"), (list, "array"), (dict, "object"))


def matches(pattern: Any, actual: Any, path: str = "") -> str | None:
    """The first difference, by its path. Objects may have further members, lists may not."""
    if isinstance(pattern, dict):
        if pattern and all(name.startswith("$") for name in pattern):
            return _first(_apply(name, wanted, actual, path) for name, wanted in pattern.items())
        if isinstance(actual, dict):
            return _first(_member(name, wanted, actual, path) for name, wanted in pattern.items())
    if isinstance(pattern, list) and isinstance(actual, list) and len(pattern) == len(actual):
        pairs = enumerate(zip(pattern, actual, strict=True))
        return _first(matches(one, other, f"{path}[{at}]") for at, (one, other) in pairs)
    # In Python True is 1, in JSON it is not.
    if type_of(pattern) == type_of(actual) and pattern == actual:
        return None
    return f"{path}: {as_json(actual)} instead of {as_json(pattern)}"


def _first(complaints: Any) -> str | None:
    return next((one for one in complaints if one is not None), None)


def _member(name: str, wanted: Any, found: dict[str, Any], path: str) -> str | None:
    if name in found:
        return matches(wanted, found[name], f"{path}.{name}")
    if isinstance(wanted, dict) and wanted.get("$absent") is True:
        return None
    return f"{path}.{name} is missing, expected {as_json(wanted)}"


def _apply(name: str, wanted: Any, actual: Any, path: str) -> str | None:
    match name:
        case "$any":
            return None
        case "$absent":
            return f"{path}: {as_json(actual)}, expected none"
        case "$type":
            return None if type_of(actual) == wanted else f"{path}: {as_json(actual)} is no {wanted}"
        case "$at_least" | "$at_most":
            if type_of(actual) != "number":
                return f"{path}: {as_json(actual)} is no number"
            if name == "$at_least" and actual < wanted:
                return f"{path}: {as_json(actual)} is below {wanted}"
            return f"{path}: {as_json(actual)} is above {wanted}" if name == "$at_most" and actual > wanted else None
        case "$contains" | "$lacks":
            texts = [wanted] if isinstance(wanted, str) else wanted
            wrong = (one for one in texts if (isinstance(actual, str) and one in actual) != (name == "$contains"))
            return _first(f"{path}: {as_json(actual)} against {name} {as_json(one)}" for one in wrong)
        case _:
            return f"{path}: there is no matcher {name}"


def type_of(value: Any) -> str:
    """As JSON calls it."""
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "null")


def as_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
