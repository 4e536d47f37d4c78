from __future__ import annotations

import asyncio
import os
import select
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rekindle
from conftest import Make, accepts, grants, turns_away
from forking import PATIENCE, Child, beside
from rekindle.testing import TestServer


@pytest.fixture
def model() -> Iterator[TestServer]:
    """An authorization server that ends the whole sign-in when a refresh token comes twice."""
    server = TestServer({"dialect": "oauth", "rotation": "strict_family"})
    yield server
    server.close()


def session_at(model: TestServer, **given: Any) -> rekindle.Session:
    tokens = model.sign_in()
    known = {
        "token_url": model.url + "/oauth/token",
        "client_id": "app",
        "client_secret": "app-secret",
        "origins": [model.url],
        "access_token": tokens["access_token"],
        "refresh_token": tokens["refresh_token"],
    }
    return rekindle.Session(**{**known, **given})


def test_a_child_goes_on_with_what_it_inherited_and_so_does_its_parent(
    server: TestServer, make: Make, tmp_path: Path
) -> None:
    # spec 4.9
    server.script(turns_away("AT-1"), grants(2), accepts("AT-2", repeat=4), turns_away("AT-2"), grants(3))
    session = make(store=rekindle.FileStore(tmp_path / "credential.json"))
    client = rekindle.Client(session, base_url=server.url)
    assert client.get("/data").status_code == 200
    child = Child(lambda: [client.get("/data").status_code, session.token().value, session.status(fresh=True).standing])
    assert client.get("/data").status_code == 200
    assert child.result() == [200, "AT-2", "active"]
    assert Child(lambda: session.refresh().value).result() == "AT-3"
    assert session.refresh().value == "AT-3", "what the child stored is adopted"
    assert [one["path"] for one in server.log()].count("/token") == 2


def test_a_session_that_was_never_used_before_the_fork_refreshes_once_for_all(
    model: TestServer, tmp_path: Path
) -> None:
    # spec 4.9, 7.3
    session = session_at(model, store=rekindle.FileStore(tmp_path / "credential.json"))
    client = rekindle.Client(session, base_url=model.url)
    model.expire_all()
    children = [Child(lambda: client.get("/data").status_code) for _ in range(4)]
    assert [child.result() for child in children] == [200] * 4
    assert client.get("/data").status_code == 200
    assert model.counters()["refreshes"] == 1


def test_a_refresh_under_way_in_the_parent_is_waited_for_and_not_repeated(
    server: TestServer, make: Make, tmp_path: Path
) -> None:
    # spec 4.9, 4.1
    server.script(grants(2, hold="answer"))
    session = make(store=rekindle.FileStore(tmp_path / "credential.json"))
    session.token()
    session.invalidate()
    waiting = beside(lambda: session.token().value)
    server.log(wait=1)
    child = Child(lambda: session.token().value)
    late = beside(lambda: session.token().value)
    server.release("answer")
    assert (waiting(), late(), child.result()) == ("AT-2", "AT-2", "AT-2")
    assert len(server.log()) == 1


def test_the_parent_may_die_during_its_refresh_and_the_child_goes_on(
    server: TestServer, make: Make, tmp_path: Path
) -> None:
    # spec 4.9, 6.3: its liveness lock, which the child inherited, must not make it look alive
    server.script(grants(2, hold="never"), grants(3))
    store = rekindle.FileStore(tmp_path / "credential.json")
    go, told = os.pipe(), os.pipe()

    def parent() -> None:
        session = make(store=store, rotation="none")
        session.token()
        session.invalidate()
        beside(session.token)
        server.log(wait=1)
        if os.fork() == 0:
            os.read(go[0], 1)
            os.write(told[1], session.token().value.encode())
            os._exit(0)

    Child(parent).result()
    os.write(go[1], b"!")
    assert select.select([told[0]], [], [], PATIENCE)[0], "the grandchild hangs"
    assert os.read(told[0], 16) == b"AT-3"
    for end in (*go, *told):
        os.close(end)


def test_forks_while_other_threads_are_at_it(model: TestServer, tmp_path: Path) -> None:
    # spec 4.9
    session = session_at(model, store=rekindle.FileStore(tmp_path / "credential.json"), on_event=lambda _: None)
    client = rekindle.Client(session, base_url=model.url)
    stop, progress = threading.Event(), threading.Condition()
    done = [0] * 4

    def hammer(number: int) -> int:
        while not stop.is_set():
            session.token()
            assert client.get("/data").status_code == 200
            session.status()
            session.events().poll()
            with progress:
                done[number] += 1
                progress.notify_all()
        return done[number]

    def everybody_goes_on() -> bool:
        """Nobody's request was rejected before and is still to be replayed: rejected once more, it would be denied (3.3)."""
        with progress:
            before = list(done)
            return progress.wait_for(lambda: all(now >= then + 2 for now, then in zip(done, before)), PATIENCE)

    threads = [beside(lambda number=number: hammer(number)) for number in range(4)]
    for turn in range(40):
        if turn % 10 == 0:
            assert everybody_goes_on()
            model.expire_all()
        child = Child(lambda: [client.get("/data").status_code for _ in range(3)])
        assert child.result() == [200] * 3
    stop.set()
    assert all(thread() > 0 for thread in threads)
    counters = model.counters()
    assert (counters["refreshes"], counters["reuses_detected"]) == (4, 0)


def test_parent_and_eight_children_work_at_once(model: TestServer, tmp_path: Path) -> None:
    # spec 4.9
    session = session_at(model, store=rekindle.FileStore(tmp_path / "credential.json"))
    client = rekindle.Client(session, base_url=model.url)

    def work() -> int:
        return sum(client.get("/data").status_code == 200 for _ in range(20))

    for turn in range(1, 6):
        assert work() == 20
        children = [Child(work) for _ in range(8)]
        model.expire_all()
        assert work() == 20
        assert [child.result() for child in children] == [20] * 8
        counters = model.counters()
        assert (counters["refreshes"], counters["reuses_detected"]) == (turn, 0)


def test_a_memory_session_serves_its_token_in_the_child_but_does_not_spend_the_parents(
    server: TestServer, make: Make
) -> None:
    # spec 4.9
    server.script(grants(2), accepts("AT-1", repeat=2))
    session = make()
    client = rekindle.Client(session, base_url=server.url)
    assert client.get("/data").status_code == 200

    def child() -> list[Any]:
        told: list[Any] = [client.get("/data").status_code, session.token().value]
        for refresh in (session.refresh, session.force_refresh, session.token):
            try:
                refresh()
            except rekindle.Misuse as error:
                told.append("FileStore" in str(error))
            session.invalidate()
        session.sign_in(rekindle.Credential("AT-9", "RT-9"))
        return [*told, session.token().value]

    assert Child(child).result() == [200, "AT-1", True, True, True, "AT-9"]
    assert session.refresh().value == "AT-2"
    assert [one["path"] for one in server.log()].count("/token") == 1


def test_a_memory_session_whose_refresh_token_stays_is_refreshed_in_the_child_too(
    server: TestServer, make: Make
) -> None:
    # spec 4.9
    server.script(grants(2, hold="parent"), grants(3))
    session = make(rotation="none")
    session.token()
    waiting = beside(session.refresh)
    server.log(wait=1)
    assert Child(lambda: session.refresh().value).result() == "AT-3"
    server.release("parent")
    assert waiting().value == "AT-2"


def test_a_token_that_was_turned_away_in_the_parent_is_not_served_in_the_child(
    server: TestServer, make: Make, tmp_path: Path
) -> None:
    # spec 4.9
    server.script(grants(2))
    session = make(store=rekindle.FileStore(tmp_path / "credential.json"))
    session.token()
    session.invalidate()
    assert Child(lambda: session.token().value).result() == "AT-2"


def test_asyncio_goes_on_in_parent_and_child(model: TestServer, tmp_path: Path) -> None:
    # spec 4.9
    session = session_at(model, store=rekindle.FileStore(tmp_path / "credential.json"))
    client = rekindle.AsyncClient(session, base_url=model.url)

    async def work() -> list[int]:
        answers = await asyncio.gather(*(client.get("/data") for _ in range(10)))
        return [answer.status_code for answer in answers]

    assert asyncio.run(work()) == [200] * 10
    child = Child(lambda: asyncio.run(work()))
    model.expire_all()
    assert asyncio.run(work()) == [200] * 10
    assert child.result() == [200] * 10
    assert model.counters()["reuses_detected"] == 0


def test_a_fork_inside_a_running_loop_leaves_both_sides_usable(model: TestServer, tmp_path: Path) -> None:
    # spec 4.9: the child may be handed a loop that says that it runs, and waiters that nobody will wake
    session = session_at(model, store=rekindle.FileStore(tmp_path / "credential.json"))
    client = rekindle.AsyncClient(session, base_url=model.url)

    async def parent() -> list[Any]:
        waiting = asyncio.ensure_future(client.get("/data"))
        await asyncio.sleep(0)
        child = Child(lambda: rekindle.Client(session, base_url=model.url).get("/data").status_code)
        return [child.result(), (await waiting).status_code]

    assert asyncio.run(parent()) == [200, 200]


def test_a_response_that_was_begun_before_the_fork_is_the_parents(server: TestServer, make: Make) -> None:
    # spec 4.9
    server.script({"match": {"path": "/big"}, "respond": {"status": 200, "text": "x" * 4_000_000}})
    client = rekindle.Client(make(), base_url=server.url)
    with client.stream("GET", "/big") as response:
        pieces = response.iter_bytes()
        read = len(next(pieces))

        def child() -> str:
            try:
                for _ in pieces:
                    pass
            except rekindle.Connection as error:
                response.close()
                return str(error)
            return "read it"

        assert "before the fork" in Child(child).result()
        assert read + sum(map(len, pieces)) == 4_000_000


def test_events_are_heard_in_the_child_by_those_who_listen_there(
    server: TestServer, make: Make, tmp_path: Path
) -> None:
    # spec 4.9, 4.7
    server.script(grants(2))
    heard: list[str] = []
    known = threading.Semaphore(0)

    def hear(event: rekindle.Event) -> None:
        heard.append(event.name)
        known.release()

    session = make(store=rekindle.FileStore(tmp_path / "credential.json"), on_event=hear)
    events = session.events()
    session.token()
    assert known.acquire(timeout=10)

    def child() -> list[Any]:
        assert events.poll() is None, "that was told to the parent"
        session.refresh()
        assert known.acquire(timeout=10) and known.acquire(timeout=10)
        told = iter(events.poll, None)
        return [heard, [event.name for event in told]]

    refreshed = ["RefreshStarted", "RefreshSucceeded"]
    assert Child(child).result() == [["SignedIn", *refreshed], refreshed]
    assert [event.name for event in iter(events.poll, None)] == heard == ["SignedIn"]


def test_a_child_that_ends_by_itself_ends(model: TestServer, tmp_path: Path) -> None:
    # spec 4.9, 4.10: atexit runs in it, too
    session = session_at(model, store=rekindle.FileStore(tmp_path / "credential.json"))
    session.token()
    pid = os.fork()
    if pid == 0:
        try:
            session.refresh()
        finally:
            import atexit

            atexit._run_exitfuncs()
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
    assert session.token().value
    assert model.counters()["refreshes"] == 1


def test_grandchildren_are_children_too(model: TestServer, tmp_path: Path) -> None:
    # spec 4.9
    session = session_at(model, store=rekindle.FileStore(tmp_path / "credential.json"))
    client = rekindle.Client(session, base_url=model.url)

    def generation(left: int) -> int:
        status = client.get("/data").status_code
        return status + (Child(lambda: generation(left - 1)).result() if left else 0)

    assert generation(3) == 800
