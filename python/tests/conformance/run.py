"""Plays a case: operations in order, each lane beside the others."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from .act import act
from .check import check, has_heard_all
from .matching import matches
from .stage import BadCase, Kind, Stage

_PATIENCE = 120.0
_EVENTS = 30.0

_Lanes = dict[str, "asyncio.Task[None]"]


def run(kind: Kind, case: dict[str, Any], folder: Path) -> list[str]:
    """Everything that is not as the case says."""
    stage = Stage(kind, case, folder)
    try:
        asyncio.run(_bounded(stage))
    finally:
        stage.close()
    return stage.complaints


async def _bounded(stage: Stage) -> None:
    try:
        try:
            await asyncio.wait_for(_play(stage), _PATIENCE)
        finally:
            for kept in stage.sessions.values():
                await kept.port.close()
    except asyncio.TimeoutError:
        stage.complain(f"it hangs: {stage.server.complaints()}")
    except BadCase as error:
        stage.complain(str(error))


async def _play(stage: Stage) -> None:
    if not stage.case.get("lazy"):
        stage.make("main", {})
    lanes: _Lanes = {}
    for at, operation in enumerate(stage.case["operations"]):
        await _step(stage, lanes, at, operation)
    await asyncio.gather(*lanes.values())
    await _late_events(stage)
    check(stage)


async def _step(stage: Stage, lanes: _Lanes, at: int, operation: dict[str, Any]) -> None:
    name = operation.get("lane")
    if operation["op"] == "cancel":
        lane = _taken(lanes, at, operation["of"])
        lane.cancel()
        await asyncio.wait([lane])
    elif operation["op"] == "wait_for" and name is None and "of" in operation:
        await _taken(lanes, at, operation["of"])
    elif name is None:
        await _perform(stage, at, operation)
    else:
        lanes[name] = asyncio.create_task(_beside(stage, name, lanes.get(name), at, operation))


def _taken(lanes: _Lanes, at: int, name: str) -> asyncio.Task[None]:
    if name not in lanes:
        raise BadCase(f"operations[{at}]: there is no lane `{name}`")
    return lanes.pop(name)


async def _beside(
    stage: Stage, name: str, before: asyncio.Task[None] | None, at: int, operation: dict[str, Any]
) -> None:
    if before is not None:
        await before
    try:
        await _perform(stage, at, operation)
    except BadCase as error:
        stage.complain(f"lane {name}: {error}")


async def _perform(stage: Stage, at: int, operation: dict[str, Any]) -> None:
    """Carries it out as often as it says, all at once, and compares what it gives."""

    async def once() -> None:
        result = await act(stage, operation.get("session", "main"), operation)
        if (complaint := _as_expected(operation.get("expect"), result)) is not None:
            raise BadCase(complaint)

    try:
        await asyncio.gather(*(once() for _ in range(operation.get("times", 1))))
    except BadCase as error:
        raise BadCase(f"operations[{at}]: {error}") from None


def _as_expected(expect: Any, result: dict[str, Any]) -> str | None:
    if "error" in result and "error" not in (expect or {}):
        return f"result.error: {result['error']}, expected none"
    return None if expect is None else matches(expect, result, "result")


async def _late_events(stage: Stage) -> None:
    """Events come on a thread of their own."""
    until = asyncio.get_running_loop().time() + _EVENTS
    while not has_heard_all(stage) and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(0.001)
