"""Event loops that come and go, callers that are cancelled, and the process's end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

import rekindle
import rekindle.testing
from conftest import Make, accepts, grants, turns_away
from rekindle.testing import TestServer

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def on_asyncio(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def on_uvloop(work: Coroutine[Any, Any, Any]) -> Any:
    return uvloop.run(work)


each_loop = pytest.mark.parametrize("run", [on_asyncio, on_uvloop])


class Loyal:
    """An async store that belongs to the loop of its first use, as a pool of connections would."""

    def __init__(self) -> None:
        self.kept: tuple[bytes, int] | None = None
        self.loops: list[asyncio.AbstractEventLoop] = []

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        if loop not in self.loops:
            self.loops.append(loop)

    async def load(self, key: str) -> rekindle.Stored | None:
        self._look()
        await asyncio.sleep(0)
        return None if self.kept is None else rekindle.Stored(self.kept[0], str(self.kept[1]))

    async def save(self, key: str, record: bytes, expected: str | rekindle.Expected) -> str | None:
        self._look()
        await asyncio.sleep(0)
        found = rekindle.Expected.ABSENT if self.kept is None else str(self.kept[1])
        if expected not in (found, rekindle.Expected.ANYTHING):
            return None
        self.kept = (record, 1 if self.kept is None else self.kept[1] + 1)
        return str(self.kept[1])


@each_loop
def test_requests_streams_and_callbacks_work_on_it(server: TestServer, make: Make, run: Run) -> None:
    server.script(turns_away("AT-1"), grants(2), accepts("AT-2", {"a": 1}), accepts("AT-2", "streamed"))
    store = Loyal()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"

    async def ask() -> tuple[Any, bytes]:
        async with rekindle.AsyncClient(make(store=store), base_url=server.url) as client:
            found = (await client.get("/data")).json()
            async with client.stream("POST", "/up", content=pieces()) as response:
                return found, b"".join([piece async for piece in response.aiter_bytes()])

    assert run(ask()) == ({"a": 1}, b'"streamed"')
    assert store.kept is not None and b"RT-2" in store.kept[0] and len(store.loops) == 1


@each_loop
def test_one_session_and_client_serve_several_loops_one_after_the_other(
    server: TestServer, make: Make, run: Run
) -> None:
    server.script(accepts("AT-1", 1, repeat=3), {"match": {"path": "/token"}, "respond": {"json": {}}, "repeat": 0})
    client = rekindle.AsyncClient(make(), base_url=server.url)

    async def ask() -> int:
        return (await client.get("/data")).status_code

    assert [run(ask()) for _ in range(3)] == [200] * 3


def test_two_loops_at_once_share_one_refresh(server: TestServer, make: Make) -> None:
    server.script(turns_away("AT-1", barrier=4), grants(2), accepts("AT-2", repeat=4))
    client = rekindle.AsyncClient(make(), base_url=server.url)
    statuses: list[int] = []

    async def ask() -> None:
        answers = await asyncio.gather(client.get("/data"), client.get("/data"))
        statuses.extend(one.status_code for one in answers)

    threads = [threading.Thread(target=run, args=(ask(),)) for run in (on_asyncio, on_uvloop)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 4
    assert [one["path"] for one in server.log()].count("/token") == 1


@each_loop
def test_a_cancelled_request_does_not_end_the_refresh(server: TestServer, make: Make, run: Run) -> None:
    server.script(turns_away("AT-1"), grants(2, hold="answer"), accepts("AT-2"))
    session = make()

    async def cancel() -> int:
        async with rekindle.AsyncClient(session, base_url=server.url) as client:
            asked = asyncio.create_task(client.get("/data"))
            await asyncio.to_thread(server.log, wait=2)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            server.release("answer")
            return (await client.get("/data")).status_code

    assert run(cancel()) == 200
    assert [one["path"] for one in server.log()] == ["/data", "/token", "/data"]


@each_loop
def test_a_deadline_of_asyncio_ends_the_wait_alone(server: TestServer, make: Make, run: Run) -> None:
    server.script(grants(2, hold="answer"))
    session = make(expires_at=1.0)

    async def wait() -> str:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(rekindle.AsyncSession.of(session).token(), 0.05)
        await asyncio.to_thread(server.log, wait=1)
        server.release("answer")
        return (await rekindle.AsyncSession.of(session).token()).value

    assert run(wait()) == "AT-2"
    assert len(server.log()) == 1


@each_loop
@pytest.mark.parametrize("asked", [True, False])
def test_what_a_closed_loop_could_not_save_the_next_one_saves(
    server: TestServer, make: Make, run: Run, asked: bool
) -> None:
    server.script(grants(2, hold="answer"))
    store = Loyal()
    session = make(store=store, expires_at=1.0)
    told = session.events()

    async def begin() -> None:
        asked = asyncio.create_task(rekindle.AsyncSession.of(session).token())
        await asyncio.to_thread(server.log, wait=1)
        asked.cancel()

    run(begin())
    assert store.kept is not None and b"RT-1" in store.kept[0]
    server.release("answer")
    while next(told).name != "Unpersisted":
        pass
    assert b"RT-1" in store.kept[0]
    # A call without a loop may save it on a private one; else the next loop does.
    assert not (asked and session.status().persisted)

    async def go_on() -> str:
        value = (await rekindle.AsyncSession.of(session).token()).value
        async for event in told:
            if event.name == "Persisted":
                break
        return value

    assert run(go_on()) == "AT-2"
    assert b"RT-2" in store.kept[0] and len(store.loops) == 2
    assert len(server.log()) == 1


def test_an_async_store_behind_sync_calls_has_a_private_loop_that_stays(server: TestServer, make: Make) -> None:
    server.script(grants(2), grants(3))
    store = Loyal()
    session = make(store=store)
    assert [session.force_refresh().value for _ in range(2)] == ["AT-2", "AT-3"]
    assert len(store.loops) == 1 and store.loops[0].is_running()


def program(text: str, server: TestServer, tmp_path: Path) -> subprocess.Popen[str]:
    """A program with a session, in a process of its own."""
    path = tmp_path / "program.py"
    begin = f"""
        import asyncio, os, signal, sys, threading, time
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import rekindle
        def make(**given):
            known = dict(dialect="oauth2", token_url={server.url + "/token"!r}, client_id="app", access_token="AT-1",
                         refresh_token="RT-1", origins=[{server.url!r}])
            return rekindle.Session(**{{**known, **given}})
        file = rekindle.FileStore({str(tmp_path / "credential.json")!r})
    """
    path.write_text(textwrap.dedent(begin) + textwrap.dedent(text))
    return subprocess.Popen(
        [sys.executable, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )


def stored(tmp_path: Path) -> str:
    return (tmp_path / "credential.json").read_text()


def test_a_real_ctrl_c_ends_a_waiting_call_at_once_and_the_exit_still_saves(
    server: TestServer, tmp_path: Path
) -> None:
    server.script(grants(2, hold="answer"))
    child = program(
        """
        try:
            make(store=file, expires_at=1.0).token()
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        """,
        server,
        tmp_path,
    )
    server.log(wait=1)
    sent = time.monotonic()
    child.send_signal(signal.SIGINT)
    assert child.stdout is not None and child.stdout.readline() == "interrupted\n"
    assert time.monotonic() - sent < 20
    server.release("answer")
    assert child.wait(20) == 0
    assert "RT-2" in stored(tmp_path) and len(server.log()) == 1


def test_ctrl_c_in_asyncio_ends_the_program_and_the_exit_still_saves(server: TestServer, tmp_path: Path) -> None:
    server.script(grants(2, hold="answer"))
    child = program("asyncio.run(rekindle.AsyncSession.of(make(store=file, expires_at=1.0)).token())", server, tmp_path)
    server.log(wait=1)
    child.send_signal(signal.SIGINT)
    threading.Timer(0.3, server.release, ["answer"]).start()
    _, told = child.communicate(timeout=20)
    assert child.returncode != 0 and told.rstrip().endswith("KeyboardInterrupt")
    assert "RT-2" in stored(tmp_path) and len(server.log()) == 1


def test_an_exit_saves_on_a_private_loop_what_the_closed_one_could_not(server: TestServer, tmp_path: Path) -> None:
    server.script(grants(2, hold="answer"))
    child = program(
        f"""
        class Store:
            # Async on top of a file, with compare-and-save by the number of saves.
            path = {str(tmp_path / "credential.json")!r}
            saves = 0
            async def load(self, key: str):
                await asyncio.sleep(0)
                if not os.path.exists(self.path):
                    return None
                return open(self.path, "rb").read(), str(self.saves)
            async def save(self, key: str, record, expected):
                await asyncio.sleep(0)
                open(self.path, "wb").write(record)
                self.saves += 1
                return str(self.saves)

        async def begin():
            asked = asyncio.create_task(rekindle.AsyncSession.of(make(store=Store(), expires_at=1.0)).token())
            await asyncio.to_thread(sys.stdin.readline)
            asked.cancel()

        asyncio.run(begin())
        print("closed", flush=True)
        """,
        server,
        tmp_path,
    )
    server.log(wait=1)
    assert child.stdin is not None and child.stdout is not None
    child.stdin.write("\n")
    child.stdin.flush()
    assert child.stdout.readline() == "closed\n"
    server.release("answer")
    assert child.wait(20) == 0, child.stderr
    assert "RT-2" in stored(tmp_path)


def test_an_exit_waits_for_a_held_answer_no_longer_than_it_says(server: TestServer, tmp_path: Path) -> None:
    server.script(grants(2, hold="never"))
    begun = time.monotonic()
    child = program(
        """
        session = make(store=file, expires_at=1.0)
        threading.Thread(target=session.token, daemon=True).start()
        sys.stdin.readline()
        """,
        server,
        tmp_path,
    )
    server.log(wait=1)
    child.communicate("\n", timeout=90)
    assert child.returncode == 0
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize(
    "hindrance",
    [
        # Callbacks that never come back.
        "make(store=file, expires_at=1.0, refresh_with=lambda spend: time.sleep(3600))",
        "make(store=file, expires_at=1.0, on_event=lambda event: time.sleep(3600))",
        "make(expires_at=1.0, store=type('S', (), {'load': lambda s: time.sleep(3600), 'save': lambda s, r, e: None})())",
    ],
)
def test_a_callback_that_blocks_for_ever_does_not_hold_up_the_exit(
    server: TestServer, tmp_path: Path, hindrance: str
) -> None:
    server.script(grants(2))
    child = program(
        f"""
        session = {hindrance}
        threading.Thread(target=session.token, daemon=True).start()
        time.sleep(0.3)
        print("over", flush=True)
        """,
        server,
        tmp_path,
    )
    out, told = child.communicate(timeout=20)
    assert (child.returncode, out) == (0, "over\n"), told
    assert "panicked" not in told and "Fatal" not in told
