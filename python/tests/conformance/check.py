"""What is expected once all operations are done."""

from __future__ import annotations

from typing import Any

import rekindle.testing

from . import results
from .matching import as_json, matches
from .stage import Stage


def check(stage: Stage) -> None:
    """Compares everything that the case names, and what holds for every case."""
    expect = stage.case.get("expect") or {}
    for name in stage.sessions:
        _check_session(stage, name, expect)
    _served(stage, "server", stage.server, expect.get("server_log", []))
    if stage.other is not None:
        _served(stage, "other", stage.other, expect.get("other_log", []))
    if "model" in expect:
        stage.complain(matches(expect["model"], stage.server.counters(), "model"))
    if "stored" in expect:
        stage.complain(matches(expect["stored"], stored(stage), "stored"))


def _check_session(stage: Stage, name: str, expect: dict[str, Any]) -> None:
    kept = stage.session(name)
    results.must_not_leak(stage.complain, "a session's repr", repr(kept.session))
    results.must_not_leak(stage.complain, "the counters", kept.session.prometheus())
    heard = stage.heard(kept)
    if "events" in expect:
        wanted = [one for one in expect["events"] if _session_of(one) == name for _ in range(_times(one))]
        stage.complain(_events_match([event_pattern(one) for one in wanted], heard, name))
    counters = expect.get("counters") or {}
    if name != "main":
        counters = counters.get(name)
    if isinstance(counters, dict):
        pattern = {
            key: one for key, one in counters.items() if not isinstance(one, dict) or _is_matcher(one)
        }
        stage.complain(matches(pattern, kept.session.stats(), f"counters of {name}"))


def _is_matcher(value: dict[str, Any]) -> bool:
    return bool(value) and all(name.startswith("$") for name in value)


def _events_match(wanted: list[Any], heard: list[Any], name: str) -> str | None:
    if len(wanted) != len(heard):
        names = [[one.get("name", "any") for one in events] for events in (heard, wanted)]
        return f"events of {name}: {as_json(names[0])} instead of {as_json(names[1])}"
    pairs = enumerate(zip(wanted, heard, strict=True))
    found = (matches(one, other, f"events of {name}[{at}]") for at, (one, other) in pairs)
    return next((one for one in found if one is not None), None)


def _session_of(event: Any) -> str:
    return event.get("session", "main") if isinstance(event, dict) else "main"


def _times(event: Any) -> int:
    return event.get("times", 1) if isinstance(event, dict) else 1


def event_pattern(event: Any) -> dict[str, Any]:
    """A name alone stands for any event of that name."""
    if isinstance(event, str):
        return {"name": event}
    return {name: value for name, value in event.items() if name not in ("session", "times")}


def has_heard_all(stage: Stage) -> bool:
    """Whether the events that were counted have come, and those that are expected."""
    wanted = (stage.case.get("expect") or {}).get("events")
    return wanted is None or all(_has_heard(stage, name, wanted) for name in stage.sessions)


def _has_heard(stage: Stage, name: str, wanted: list[Any]) -> bool:
    kept = stage.session(name)
    # These count something else than events.
    stats = kept.session.stats().items()
    happened = sum(count for counter, count in stats if counter not in ("waiters", "dropped"))
    heard = stage.heard(kept)
    patterns = [event_pattern(one) for one in wanted if _session_of(one) == name]
    return len(heard) >= happened and all(
        any(matches(one, event) is None for event in heard) for one in patterns
    )


def _served(stage: Stage, name: str, server: rekindle.testing.TestServer, wanted: list[Any]) -> None:
    for complaint in server.complaints():
        stage.complain(f"{name}: {complaint}")
    log = [_logged(one) for one in server.log()]
    for entry in wanted:
        pattern = {key: value for key, value in entry.items() if key != "count"}
        found = sum(matches(pattern, request) is None for request in log)
        stage.complain(matches(entry.get("count", 1), found, f"{name}: count of {as_json(pattern)}"))


def _logged(request: dict[str, Any]) -> dict[str, Any]:
    authorization = request["authorization"] or ""
    token = authorization.split(" ", 1)[-1]
    headers = dict(request["headers"])
    kept = {name: request[name] for name in ("method", "path", "target", "body")}
    return {**kept, "token": token, "headers": headers}


def stored(stage: Stage) -> dict[str, Any]:
    """What is in the store that sessions share."""
    path = stage.path
    told: dict[str, Any] = {"present": False}
    if stage.shelf.record is not None:
        told = {"present": True, "text": stage.shelf.record.decode(errors="replace")}
    elif path.exists():
        told = {"present": True, "text": path.read_text()}
    if path.exists():
        told["mode"] = f"{path.stat().st_mode & 0o7777:04o}"
    return told
