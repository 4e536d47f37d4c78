"""Many users: `rekindle.App`."""

from __future__ import annotations

import asyncio
import gc
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rekindle
from conftest import grants
from rekindle.testing import TestServer

MakeApp = Callable[..., rekindle.App]


@pytest.fixture
def app(server: TestServer) -> MakeApp:
    def app(**given: Any) -> rekindle.App:
        known = {"token_url": server.url + "/token", "client_id": "app", "origins": [server.url]}
        return rekindle.App(**{**known, **given})

    return app


def tokens(user: str) -> rekindle.Credential:
    return rekindle.Credential(access_token=f"AT-{user}", refresh_token=f"RT-{user}")


class Shelf:
    """A store of a user's own."""

    def __init__(self) -> None:
        self.kept: dict[str, rekindle.Stored] = {}

    def load(self, key: str) -> rekindle.Stored | None:
        return self.kept.get(key)

    def save(self, key: str, record: bytes, expected: str | rekindle.Expected) -> str | None:
        kept = self.kept.get(key)
        current = kept.version if kept else rekindle.Expected.ABSENT
        if expected not in (current, rekindle.Expected.ANYTHING):
            return None
        version = str(int(kept.version) + 1 if kept else 1)
        self.kept[key] = rekindle.Stored(record, version)
        return version


class Keyless(Shelf):
    """One that heeds no key."""

    identity = "a database"

    def load(self, key: str) -> rekindle.Stored | None:
        return super().load("")

    def save(self, key: str, record: bytes, expected: str | rekindle.Expected) -> str | None:
        return super().save("", record, expected)


# spec 4.11, 7.1
@pytest.mark.parametrize("kind", ["memory", "folder", "own"])
def test_each_key_is_a_user(app: MakeApp, tmp_path: Path, kind: str) -> None:
    store = {"memory": None, "folder": rekindle.FileStore.folder(tmp_path / "s"), "own": Shelf()}[kind]
    users = app(store=store)
    for user in ("ada", "bob"):
        users.session(user).sign_in(tokens(user))
    assert [users.session(user).token().value for user in ("ada", "bob")] == ["AT-ada", "AT-bob"]
    users.session("ada").sign_out()
    with pytest.raises(rekindle.SignedOut):
        users.session("ada").token()
    assert users.session("bob").token().value == "AT-bob"
    if kind == "folder":
        assert sorted(one.name for one in (tmp_path / "s").glob("*.json")) == ["ada.json", "bob.json"]
    if isinstance(store, Shelf):
        assert sorted(store.kept) == ["ada", "bob"]


# spec 4.11
def test_it_is_the_same_session_for_the_same_key(app: MakeApp) -> None:
    users = app()
    ada = users.session("ada")
    assert users.session("ada") is ada
    assert users.session("ada", credential=tokens("ada")) is ada
    assert users.session("bob") is not ada
    ada.invalidate()
    assert users.session("ada").token_if_valid() is None


# spec 4.1
def test_threads_of_one_user_share_a_refresh(app: MakeApp, server: TestServer) -> None:
    server.script(grants(2))
    users = app()
    users.session("ada", credential=rekindle.Credential(access_token="AT-1", refresh_token="RT-1", expires_at=1.0))
    served: list[str] = []
    threads = [threading.Thread(target=lambda: served.append(users.session("ada").token().value)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert served == ["AT-2"] * 8
    assert len(server.log()) == 1
    assert users.stats()["refreshes"] == 1


def test_sessions_are_for_async_callers_too(app: MakeApp, server: TestServer) -> None:
    server.script(grants(2))
    users = app()

    async def main() -> list[str]:
        expired = rekindle.Credential(access_token="AT-1", refresh_token="RT-1", expires_at=1.0)
        await rekindle.AsyncSession.of(users.session("ada")).sign_in(expired)
        found = await asyncio.gather(*(rekindle.AsyncSession.of(users.session("ada")).token() for _ in range(8)))
        assert await rekindle.AsyncApp.of(users).shutdown()
        return [token.value for token in found]

    assert asyncio.run(main()) == ["AT-2"] * 8
    assert len(server.log()) == 1


# spec 4.11
def test_idle_sessions_are_let_go_of_and_come_back(app: MakeApp) -> None:
    users = app(idle_sessions=10)
    for number in range(100):
        users.session(f"user-{number}").sign_in(tokens(f"user-{number}"))
    assert users.shutdown()
    assert users.sessions_in_memory == 10
    assert {users.session(f"user-{n}").token().value for n in range(100)} == {f"AT-user-{n}" for n in range(100)}
    assert users.sessions_in_memory == 10


# spec 10.1
def test_events_come_with_the_key(app: MakeApp) -> None:
    told: queue.Queue[tuple[str, str]] = queue.Queue()
    users = app(on_event=lambda key, event: told.put((key, event.name)))
    users.session("ada").sign_in(tokens("ada"))
    users.session("bob").sign_out()
    assert [told.get(timeout=30) for _ in range(2)] == [("ada", "SignedIn"), ("bob", "SignedOut")]


# spec 4.2
def test_an_equal_identity_mixes_no_two_users(server: TestServer) -> None:
    def session(store: Any, user: str | None, **more: Any) -> rekindle.Session:
        credential = None if user is None else tokens(user)
        return rekindle.Session(token_url=server.url + "/token", store=store, credential=credential, **more)

    stores = [Keyless(), Keyless()]
    ada = session(stores[0], "ada")
    with pytest.raises(rekindle.InvalidConfig, match="was created with another credential"):
        session(stores[1], "bob")
    with pytest.raises(rekindle.InvalidConfig, match="lease differs"):
        session(stores[0], "ada", lease=200)
    assert ada.token().value == "AT-ada"
    del ada
    gc.collect()
    assert session(stores[1], "bob").token().value == "AT-bob"
    both = [session(store, None) for store in stores]
    assert [one.token().value for one in both] == ["AT-ada", "AT-bob"]


# spec 7.5
def test_a_store_that_heeds_no_key_serves_no_user_anothers_token(app: MakeApp) -> None:
    users = app(store=Keyless())
    users.session("ada").sign_in(tokens("ada"))
    with pytest.raises(rekindle.StoreUnavailable, match=r"load\(`bob`\) returned the record of `ada`"):
        users.session("bob").token()
    assert users.session("ada").token().value == "AT-ada"


def test_what_makes_no_sense_is_told(app: MakeApp, tmp_path: Path) -> None:
    users = app()
    for key in ("", "a\nb", "x" * 1025):
        with pytest.raises(rekindle.InvalidConfig, match="key must be"):
            users.session(key)
    with pytest.raises(rekindle.InvalidConfig, match="key must be text"):
        users.session(7)  # type: ignore[arg-type]
    with pytest.raises(rekindle.InvalidConfig, match="keeps one record"):
        app(store=rekindle.FileStore(tmp_path / "session.json")).session("ada")
    with pytest.raises(rekindle.InvalidConfig, match="idle_sessions"):
        app(idle_sessions=0)
    with pytest.raises(TypeError, match="not pickled"):
        __import__("pickle").dumps(users)


# spec 4.10
def test_the_end_of_the_process_waits_for_sessions_that_nobody_holds(server: TestServer, tmp_path: Path) -> None:
    server.script(grants(2, hold="answer"))
    program = f"""
import rekindle, sys, threading
app = rekindle.App(token_url={server.url + "/token"!r}, store=rekindle.FileStore.folder({str(tmp_path)!r}))
session = app.session("ada", credential=rekindle.Credential(access_token="AT-1", refresh_token="RT-1", expires_at=1.0))
threading.Thread(target=session.token, daemon=True).start()
sys.stdin.readline()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, text=True) as child:
        server.log(wait=1)
        threading.Timer(0.3, server.release, ["answer"]).start()
        child.communicate("\n", timeout=60)
    assert child.returncode == 0
    assert "RT-2" in (tmp_path / "ada.json").read_text()


# spec 4.11
def test_a_session_and_its_object_take_less_than_3_kb() -> None:
    program = """
import resource, rekindle
app = rekindle.App(token_url="https://auth.example.com/token", client_id="app", origins=["https://api.example.com"])
def session(number):
    credential = rekindle.Credential(access_token="at-0123456789abcdef0123456789abcdef",
                                     refresh_token="rt-0123456789abcdef0123456789abcdef", expires_in=3600)
    made = app.session(f"user-{number}", credential=credential)
    made.token()
    return made
def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()
warm = [session(number) for number in range(2000)]
before = resident()
sessions = [session(number) for number in range(2000, 12000)]
print((resident() - before) // 10000)
"""
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=300)
    assert int(told.stdout) < 3_072, told.stdout


