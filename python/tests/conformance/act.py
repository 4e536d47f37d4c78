"""Carries out one operation."""

from __future__ import annotations

import asyncio
from typing import Any

import rekindle

from . import check, results, store
from .matching import matches
from .stage import BadCase, Kept, Stage, credential
from .through import Lost

_LOOK_AGAIN = 0.001


async def act(stage: Stage, session: str, spec: dict[str, Any]) -> dict[str, Any]:
    """What it gives; an error of ours is a result, any other one a mistake."""
    try:
        return await _act(stage, session, spec)
    except rekindle.RekindleError as error:
        return results.error(stage.complain, error)
    except Lost as lost:
        return {"error": {"kind": "Connection", "message": str(lost), "retryable": True}}


async def _act(stage: Stage, session: str, spec: dict[str, Any]) -> dict[str, Any]:
    match spec["op"]:
        case "new_session":
            stage.make(spec["name"], spec.get("with", {}))
        case "advance":
            await _advance(stage, spec["ms"] / 1000)
        case "jump_wall":
            stage.clock.jump_wall(spec["by_ms"] / 1000)
        case "advance_to_timer":
            while (left := _next_timer(stage, spec["within_ms"])) is None:
                await asyncio.sleep(_LOOK_AGAIN)
            await _advance(stage, left)
        case "wait_for":
            kept = stage.session(session)
            while not await _has_come(stage, kept, spec):
                await asyncio.sleep(_LOOK_AGAIN)
        case "release":
            await stage.control("POST", "/__release", {"name": spec["name"]})
        case "play":
            await stage.control("POST", "/__script", {"steps": spec["steps"]})
        case "expire_all" | "revoke_all":
            stage.model()
            await stage.control("POST", f"/__{spec['op']}")
        case "lose_answers":
            stage.model()
            await stage.control("POST", "/__knobs", {"lose_answers": spec["answers"]})
        case "crash":
            stage.session(spec["of"]).life.ended = True
        case "store":
            _turn_store(stage, spec)
        case _:
            return await _ask(stage, stage.session(session), spec)
    return {}


async def _ask(stage: Stage, kept: Kept, spec: dict[str, Any]) -> dict[str, Any]:
    port, complain = kept.port, stage.complain
    match spec["op"]:
        case "request":
            response, body, broke = await port.request(**_request(spec))
            return results.response(complain, response, body, broke)
        case "graphql":
            return {"data": await port.graphql(spec["query"], spec.get("variables"))}
        case "token" if spec.get("if_valid"):
            return results.token(complain, kept.session.token_if_valid())
        case "token":
            least = spec["min_life_ms"] / 1000 if "min_life_ms" in spec else None
            return results.token(complain, await port.call("token", min_life=least))
        case "refresh":
            return results.token(complain, await port.call("force_refresh" if spec.get("force") else "refresh"))
        case "invalidate":
            kept.session.invalidate()
        case "sign_in":
            given = credential(spec["credential"]) if "credential" in spec else stage.usual()
            await port.call("sign_in", given)
        case "sign_out":
            await port.call("sign_out")
        case "shutdown":
            return {"settled": await port.call("shutdown", timeout=spec["ms"] / 1000)}
        case "status" if spec.get("fresh"):
            return results.status(complain, await port.call("status", fresh=True))
        case "status":
            return results.status(complain, kept.session.status())
        case other:
            raise BadCase(f"not an operation: {other}")
    return {}


def _request(spec: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {
        "method": spec.get("method", "GET"),
        "url": spec["url"],
        "streamed": spec.get("streamed", False),
    }
    names = {"headers": "headers", "json": "json", "form": "data", "text": "content"}
    names |= {"idempotency_key": "idempotency_key", "follow_redirects": "follow_redirects"}
    given |= {name: spec[written] for written, name in names.items() if written in spec}
    if "timeout_ms" in spec:
        given["timeout"] = spec["timeout_ms"] / 1000
    if "stream" in spec:
        given["pieces"] = [spec["stream"].encode()]
    return given


def _turn_store(stage: Stage, spec: dict[str, Any]) -> None:
    stage.shelf.loading = spec.get("load", stage.shelf.loading)
    stage.shelf.saving = spec.get("save", stage.shelf.saving)
    if "damage" in spec:
        if stage.shelf.record is not None:
            stage.shelf.damage(spec["damage"])
        else:
            store.damage_file(stage.path, spec["damage"])


async def _advance(stage: Stage, seconds: float) -> None:
    # A store in Python takes real time: virtual time must not overtake it.
    while stage.clock.busy():
        await asyncio.sleep(_LOOK_AGAIN)
    stage.clock.advance(seconds)


def _next_timer(stage: Stage, within_ms: int) -> float | None:
    left = stage.clock.next_timer()
    return left if left is not None and left <= within_ms / 1000 else None


async def _has_come(stage: Stage, kept: Kept, what: dict[str, Any]) -> bool:
    if "requests" in what:
        log = await stage.control("GET", "/__log")
        path = what.get("path")
        if sum(path is None or one["path"] == path for one in log) < what["requests"]:
            return False
    if "event" in what:
        pattern = check.event_pattern(what["event"])
        if all(matches(pattern, one) for one in stage.heard(kept)):
            return False
    if "counters" in what and matches(what["counters"], kept.session.stats()):
        return False
    if "status" in what and matches(what["status"], results.status(stage.complain, kept.session.status())):
        return False
    if "stored" in what and matches(what["stored"], check.stored(stage)):
        return False
    if "timer_beyond_ms" in what and _next_timer(stage, what["timer_beyond_ms"]) is not None:
        return False
    return "timer_within_ms" not in what or _next_timer(stage, what["timer_within_ms"]) is not None
