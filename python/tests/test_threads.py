"""Threads that wait together: where more than a few do, one thread of ours waits for them all."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import rekindle
from conftest import Make, grants
from rekindle.testing import TestServer

MANY = 12


def held(name: str) -> dict[str, Any]:
    return {"match": {"path": "/held"}, "hold": name, "respond": {"json": True}}


def test_many_waiting_threads_each_get_their_answer(server: TestServer, make: Make) -> None:
    server.script(*[held("all")] * MANY)
    with rekindle.Client(make(), base_url=server.url) as client, ThreadPoolExecutor(MANY) as threads:
        waiting = [threads.submit(client.get, "/held") for _ in range(MANY)]
        server.log(wait=MANY)
        server.release("all")
        assert [waits.result().status_code for waits in waiting] == [200] * MANY


def test_an_interrupt_ends_one_wait_among_many(server: TestServer, make: Make) -> None:
    server.script(*[held("all")] * (MANY + 1))

    def interrupt() -> None:
        server.log(wait=MANY + 1)
        os.kill(os.getpid(), signal.SIGINT)

    with rekindle.Client(make(), base_url=server.url) as client, ThreadPoolExecutor(MANY) as threads:
        waiting = [threads.submit(client.get, "/held") for _ in range(MANY)]
        server.log(wait=MANY)
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            client.get("/held")
        server.release("all")
        assert [waits.result().status_code for waits in waiting] == [200] * MANY


def test_a_refresh_function_that_calls_its_own_session_is_told_where_many_wait(
    server: TestServer, make: Make
) -> None:
    server.script(*[held("all")] * MANY)
    told: list[BaseException] = []

    def refresh(_: rekindle.RefreshInput) -> rekindle.Credential:
        try:
            own.force_refresh()
        except rekindle.Misuse as error:
            told.append(error)
        return rekindle.Credential(access_token="AT-2", expires_in=900)

    own = make(expires_at=1.0, refresh_with=refresh)
    with rekindle.Client(make(), base_url=server.url) as client, ThreadPoolExecutor(MANY) as threads:
        waiting = [threads.submit(client.get, "/held") for _ in range(MANY)]
        server.log(wait=MANY)
        assert own.token().value == "AT-2"
        server.release("all")
        assert [waits.result().status_code for waits in waiting] == [200] * MANY
    assert "wait for itself" in str(told[0])


def test_many_threads_that_find_the_token_ended_make_one_refresh(server: TestServer, make: Make) -> None:
    server.script(grants(2, hold="answer"))
    session = make(expires_at=1.0)
    with ThreadPoolExecutor(MANY) as threads:
        waiting = [threads.submit(session.token) for _ in range(MANY)]
        server.log(wait=1)
        server.release("answer")
        assert {waits.result().value for waits in waiting} == {"AT-2"}
    assert len(server.log()) == 1
