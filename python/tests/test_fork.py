from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import rekindle
from conftest import Make, accepts, grants, turns_away
from rekindle.testing import TestServer


def test_a_child_with_a_session_of_its_own_goes_on_and_the_inherited_one_is_refused(
    server: TestServer, make: Make, tmp_path: Path
) -> None:
    server.script(turns_away("AT-1"), grants(2), accepts("AT-2", repeat=3))
    store = rekindle.FileStore(tmp_path / "credential.json")
    session = make(store=store)
    client = rekindle.Client(session, base_url=server.url)
    assert client.get("/data").status_code == 200
    fork = multiprocessing.get_context("fork")
    answers: Any = fork.SimpleQueue()

    def child() -> None:
        try:
            client.get("/data")
        except rekindle.Misuse as error:
            answers.put("before the fork" in str(error))
        own = rekindle.Client(make(store=store), base_url=server.url)
        answers.put(own.get("/data").status_code)

    process = fork.Process(target=child)
    process.start()
    process.join(20)
    assert (process.exitcode, answers.get(), answers.get()) == (0, True, 200)
    assert client.get("/data").status_code == 200
    assert [one["path"] for one in server.log()].count("/token") == 1
