from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import rekindle
from conftest import Make, grants
from rekindle.testing import TestServer


class Memory:
    """What a user might write."""

    def __init__(self) -> None:
        self.record: bytes | None = None
        self.version = 0

    def load(self, key: str) -> tuple[bytes, str] | None:
        return None if self.record is None else (self.record, str(self.version))

    def save(self, key: str, record: bytes, expected: str | rekindle.Expected) -> str | None:
        found: object = rekindle.Expected.ABSENT if self.record is None else str(self.version)
        if expected not in (found, rekindle.Expected.ANYTHING):
            return None
        self.record, self.version = record, self.version + 1
        return str(self.version)


class AsyncMemory(Memory):
    """The same with coroutines; remembers the loops that it ran on."""

    def __init__(self) -> None:
        super().__init__()
        self.loops: set[int] = set()

    async def load(self, key: str) -> Any:
        self.loops.add(id(asyncio.get_running_loop()))
        return super().load(key)

    async def save(self, key: str, record: bytes, expected: str | rekindle.Expected) -> Any:
        self.loops.add(id(asyncio.get_running_loop()))
        return super().save(key, record, expected)


@pytest.mark.parametrize("kind", [Memory, AsyncMemory])
def test_a_refreshed_credential_is_in_the_users_store(server: TestServer, make: Make, kind: type[Memory]) -> None:
    server.script(grants(2))
    store = kind()
    make(store=store, expires_at=1.0).token()
    assert store.record is not None and b"RT-2" in store.record
    assert make(store=store, access_token=None, refresh_token=None).token().value == "AT-2"
    assert len(server.log()) == 1


def test_an_async_store_runs_on_the_loop_that_made_the_call(server: TestServer, make: Make) -> None:
    store = AsyncMemory()

    async def ask() -> int:
        await rekindle.AsyncSession.of(make(store=store)).token()
        return id(asyncio.get_running_loop())

    assert asyncio.run(ask()) in store.loops and len(store.loops) == 1


def test_a_file_store_outlives_the_session(server: TestServer, make: Make, tmp_path: Path) -> None:
    server.script(grants(2))
    place = tmp_path / "credential.json"
    make(store=rekindle.FileStore(place), expires_at=1.0).token()
    assert place.stat().st_mode & 0o777 == 0o600
    again = make(store=rekindle.FileStore(place), access_token=None, refresh_token=None)
    assert again.token().value == "AT-2"


class Raises(Memory):
    def load(self, key: str) -> Any:
        raise OSError("AT-SENTINEL")


class Nonsense(Memory):
    def load(self, key: str) -> Any:
        return {"not": "a record"}


@pytest.mark.parametrize(("kind", "word"), [(Raises, "OSError"), (Nonsense, "load gave a dict")])
def test_a_broken_store_is_store_unavailable_and_nothing_is_spent(
    server: TestServer, make: Make, kind: type[Memory], word: str
) -> None:
    server.script()
    with pytest.raises(rekindle.StoreUnavailable) as caught:
        make(store=kind(), expires_at=1.0).token()
    assert word in str(caught.value) and "SENTINEL" not in str(caught.value)
    assert server.log() == []


def test_a_refresh_function_may_be_sync_or_async(make: Make) -> None:
    seen: list[str | None] = []

    def refresh(spend: rekindle.RefreshInput) -> rekindle.Credential:
        seen.append(spend.refresh_token)
        return rekindle.Credential(access_token="AT-2", refresh_token="RT-2", expires_in=900)

    async def arefresh(spend: rekindle.RefreshInput) -> dict[str, object]:
        seen.append(spend.refresh_token)
        return {"access_token": "AT-3", "expires_in": 900}

    assert make(refresh_with=refresh, expires_at=1.0).token().value == "AT-2"
    assert make(refresh_with=arefresh, expires_at=1.0).token().value == "AT-3"
    assert seen == ["RT-1", "RT-1"]


def test_only_login_required_from_a_refresh_function_is_dead(make: Make) -> None:
    def dead(_: rekindle.RefreshInput) -> rekindle.Credential:
        raise rekindle.LoginRequired("sign in")

    def broken(_: rekindle.RefreshInput) -> rekindle.Credential:
        raise KeyError("RT-1")

    with pytest.raises(rekindle.LoginRequired, match="the refresh function says") as lost:
        make(refresh_with=dead, expires_at=1.0).token()
    assert str(lost.value.__cause__) == "sign in"
    with pytest.raises(rekindle.RefreshFailed) as caught:
        make(refresh_with=broken, expires_at=1.0).token()
    assert "RT-1" not in str(caught.value)


def test_a_refresh_function_that_calls_its_own_session_is_told(make: Make) -> None:
    told: list[BaseException] = []

    def refresh(_: rekindle.RefreshInput) -> rekindle.Credential:
        try:
            session.force_refresh()
        except rekindle.Misuse as error:
            told.append(error)
        return rekindle.Credential(access_token="AT-2", expires_in=900)

    session = make(refresh_with=refresh, expires_at=1.0)
    assert session.token().value == "AT-2"
    assert "wait for itself" in str(told[0])
