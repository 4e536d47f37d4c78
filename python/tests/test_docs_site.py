"""The programs of the documentation's pages do what the pages say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rekindle.testing import TestServer

PROGRAMS = Path(__file__).parents[2] / "docs" / "programs" / "python"


@pytest.fixture
def server() -> Iterator[TestServer]:
    """An authorization server that ends the whole sign-in when a refresh token comes twice."""
    server = TestServer({"dialect": "oauth", "rotation": "strict_family"})
    yield server
    server.close()


def environment(server: TestServer, **more: str) -> dict[str, str]:
    # The peers refuse http, also on loopback.
    own = {"TOKEN_URL": server.url + "/oauth/token", "API_URL": server.url, "OAUTHLIB_INSECURE_TRANSPORT": "1"}
    return {**os.environ, **own, **more}


def run(name: str, server: TestServer, folder: Path) -> str:
    program = [sys.executable, str(PROGRAMS / f"{name}.py")]
    done = subprocess.run(program, env=environment(server), cwd=folder, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def expired(server: TestServer, folder: Path) -> None:
    """What the other libraries keep in a file."""
    tokens = server.sign_in()
    server.expire_all()
    ended = {**tokens, "token_type": "Bearer", "expires_in": 900, "expires_at": time.time() - 60}
    (folder / "token.json").write_text(json.dumps(ended))


@pytest.mark.parametrize(
    "name", ["requests_oauthlib_before", "requests_after", "authlib_before", "httpx_after"]
)
def test_a_program_of_the_migration_pages_refreshes_once(name: str, server: TestServer, tmp_path: Path) -> None:
    expired(server, tmp_path)
    assert "ok" in run(name, server, tmp_path)
    counters = server.counters()
    assert (counters["refreshes"], counters["reuses_detected"]) == (1, 0)


@pytest.mark.parametrize("name", ["requests_after", "httpx_after"])
def test_a_migrated_program_is_still_signed_in_when_it_runs_again(
    name: str, server: TestServer, tmp_path: Path
) -> None:
    expired(server, tmp_path)
    for _ in range(2):
        assert "ok" in run(name, server, tmp_path)
    counters = server.counters()
    assert (counters["refreshes"], counters["reuses_detected"]) == (1, 0)


def test_jobs_beside_each_other_share_the_file_of_the_first(server: TestServer, tmp_path: Path) -> None:
    expired(server, tmp_path)
    run("requests_after", server, tmp_path)
    server.expire_all()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: run("cron_job", server, tmp_path), range(4)))
    assert all("ok" in answer for answer in answers)
    counters = server.counters()
    assert (counters["refreshes"], counters["reuses_detected"]) == (2, 0)


def test_a_web_server_keeps_a_thousand_users_apart(
    server: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastapi.testclient import TestClient

    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(PROGRAMS))
    import fastapi_app  # type: ignore[import-not-found, unused-ignore]

    client = TestClient(fastapi_app.app)
    users = [f"user-{number}" for number in range(1000)]
    for user in users:
        assert client.post("/sign-in", headers={"user": user}, json=server.sign_in()).status_code == 200
    server.expire_all()
    for user in users[::50]:
        answer = client.get("/data", headers={"user": user})
        assert (answer.status_code, "ok" in answer.text) == (200, True), answer.text
    assert server.counters()["refreshes"] == len(users[::50])
    server.control("POST", "/__revoke_all")
    assert client.get("/data", headers={"user": "user-1"}).json() == {"error": "login_required"}
    assert client.get("/data", headers={"user": "nobody"}).status_code == 401


def test_a_notebook_awaits_and_calls_without_waiting(
    server: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nbformat
    from nbclient import NotebookClient

    tokens = server.sign_in()
    server.expire_all()
    given = {"ACCESS_TOKEN": tokens["access_token"], "REFRESH_TOKEN": tokens["refresh_token"]}
    for name, value in environment(server, **given).items():
        monkeypatch.setenv(name, value)
    cells = (PROGRAMS / "notebook.py").read_text().split("# %%\n")[1:]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=90, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output["data"]["text/plain"] for cell in notebook.cells for output in cell.outputs if "data" in output]
    assert len(shown) == 3 and all("ok" in text for text in shown[:2])
    assert tokens["access_token"] not in str(notebook)
    assert server.counters()["refreshes"] == 1
