"""Servers that fork, as they are: each worker inherits a client that has been used."""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from celery_queue import queue

import rekindle
from rekindle.testing import TestServer

WORKERS = 8
PATIENCE = 60.0


@pytest.fixture
def model() -> Iterator[TestServer]:
    """An authorization server that ends the whole sign-in when a refresh token comes twice."""
    server = TestServer({"dialect": "oauth", "rotation": "strict_family", "token_latency_ms": 50})
    yield server
    server.close()


@contextlib.contextmanager
def running(
    model: TestServer, store: Path, *command: str, **variables: str
) -> Iterator[subprocess.Popen[bytes]]:
    tokens = model.sign_in()
    setup = {"url": model.url, "store": str(store), **tokens}
    here = {"REKINDLE_FORK_APP": json.dumps(setup), "PYTHONPATH": str(Path(__file__).parent), **variables}
    process = subprocess.Popen([sys.executable, "-m", *command], env={**os.environ, **here}, cwd=store.parent)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError("its workers did not end") from None


def ask(port: int) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/data")
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def wait_until_it_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            ask(port)
            return
        time.sleep(0.05)
    raise AssertionError("the server did not come up")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_gunicorn_with_a_preloaded_client_refreshes_once_for_all_workers(
    model: TestServer, tmp_path: Path, kind: str
) -> None:
    # spec 4.9, 4.1
    port = free_port()
    options = ["--preload", "--workers", str(WORKERS), "--worker-class", kind, "--bind", f"127.0.0.1:{port}"]
    options += ["--threads", "4"] if kind == "gthread" else []
    with running(model, tmp_path / "credential.json", "gunicorn", *options, "fork_app:app") as process:
        wait_until_it_answers(port, process)
        stop, statuses = threading.Event(), set()
        workers: set[bytes] = set()

        def load() -> None:
            while not stop.is_set():
                status, worker = ask(port)
                statuses.add(status)
                workers.add(worker)

        with ThreadPoolExecutor(2 * WORKERS) as pool:
            loads = [pool.submit(load) for _ in range(2 * WORKERS)]
            served = model.counters()["accepted"]
            wait_for(lambda: model.counters()["accepted"] > served + 200)
            model.expire_all()
            workers.clear()
            served = model.counters()["accepted"]
            wait_for(lambda: model.counters()["accepted"] > served + 400 and len(workers) == WORKERS)
            stop.set()
            for one in loads:
                one.result(PATIENCE)
    assert statuses == {200}
    counters = model.counters()
    assert (counters["refresh_requests"], counters["reuses_detected"], counters["families_revoked"]) == (1, 0, 0)


def test_celerys_forked_workers_refresh_once(model: TestServer, tmp_path: Path) -> None:
    # spec 4.9, 4.1
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    # The worker's options are for this machine alone: there are no others to talk to.
    options = ["--pool", "prefork", "--concurrency", str(WORKERS), "--loglevel", "warning"]
    options += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    command = ["celery", "--quiet", "--app", "celery_app", "worker", *options]
    with running(model, tmp_path / "credential.json", *command, REKINDLE_QUEUE=str(tasks)):
        app = queue(tasks)

        def fetch(times: int) -> set[int]:
            """The workers that did it."""
            given = [app.send_task("fetch") for _ in range(times)]
            answers = [one.get(timeout=PATIENCE, interval=0.02) for one in given]
            assert {status for status, _ in answers} == {200}
            return {worker for _, worker in answers}

        assert len(fetch(100)) > 1
        model.expire_all()
        assert len(fetch(200)) > 1
    counters = model.counters()
    assert (counters["refresh_requests"], counters["reuses_detected"], counters["families_revoked"]) == (1, 0, 0)


def wait_for(true: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it does not come about"
        time.sleep(0.05)


def test_a_pool_of_forked_workers_refreshes_once(model: TestServer, tmp_path: Path) -> None:
    # spec 4.9, 4.1
    global _client
    tokens = model.sign_in()
    session = rekindle.Session(
        token_url=model.url + "/oauth/token",
        client_id="app",
        client_secret="app-secret",
        access_token=tokens["access_token"],
        refresh_token=tokens["refresh_token"],
        store=rekindle.FileStore(tmp_path / "credential.json"),
    )
    _client = rekindle.Client(session, base_url=model.url)
    assert _client.get("/data").status_code == 200
    with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
        assert set(pool.map_async(_fetch, range(100), chunksize=1).get(PATIENCE)) == {200}
        model.expire_all()
        answers = pool.map_async(_fetch, range(200), chunksize=1)
        assert _client.get("/data").status_code == 200
        assert set(answers.get(PATIENCE)) == {200}
    counters = model.counters()
    assert (counters["refresh_requests"], counters["reuses_detected"]) == (1, 0)


_client: rekindle.Client


def _fetch(_: int) -> int:
    return _client.get("/data").status_code
