from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rekindle.testing import TestServer

EXAMPLES = Path(__file__).parents[2] / "examples" / "python"


@pytest.mark.parametrize(
    ("name", "dialect", "said"),
    [
        ("rest_json", "json", "ok"),
        ("rest_json_async", "json", "ok"),
        ("authenticated_fetch", "api_token", "200"),
        ("authenticated_fetch_async", "api_token", "200"),
        ("oauth", "oauth", "1 refreshes, 0 sign-ins lost"),
        ("oauth_async", "oauth", "1 refreshes, 0 sign-ins lost"),
        ("graphql", "graphql", "students"),
        ("graphql_async", "graphql", "students"),
    ],
)
def test_an_example_with_an_expired_token_refreshes_once(
    name: str, dialect: str, said: str, tmp_path: Path
) -> None:
    server = TestServer({"dialect": dialect, "rotation": "strict_family"})
    tokens = server.sign_in()
    server.expire_all()
    url = server.url + "/graphql" if dialect == "graphql" else server.url
    given = {
        "API_URL": url,
        "TOKEN_URL": server.url + "/oauth/token",
        "CLIENT_ID": "app",
        "CLIENT_SECRET": "app-secret",
        "ACCESS_TOKEN": tokens["access_token"],
        "REFRESH_TOKEN": tokens["refresh_token"],
        "SESSION_FILE": str(tmp_path / "session.json"),
    }
    program = [sys.executable, str(EXAMPLES / f"{name}.py")]
    done = subprocess.run(program, env={**os.environ, **given}, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0 and said in done.stdout, done.stdout + done.stderr
    counters = server.counters()
    server.close()
    assert (counters["refreshes"], counters["reuses_detected"]) == (1, 0)


@pytest.mark.parametrize("name", ["authenticated_fetch", "authenticated_fetch_async", "oauth", "oauth_async"])
def test_an_example_whose_sign_in_is_lost_says_so(name: str, tmp_path: Path) -> None:
    server = TestServer({"dialect": "oauth" if "oauth" in name else "api_token"})
    tokens = server.sign_in()
    server.control("POST", "/__revoke_all")
    given = {
        "API_URL": server.url,
        "TOKEN_URL": server.url + "/oauth/token",
        "CLIENT_ID": "app",
        "CLIENT_SECRET": "app-secret",
        "ACCESS_TOKEN": tokens["access_token"],
        "REFRESH_TOKEN": tokens["refresh_token"],
        "SESSION_FILE": str(tmp_path / "session.json"),
    }
    program = [sys.executable, str(EXAMPLES / f"{name}.py")]
    done = subprocess.run(program, env={**os.environ, **given}, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0 and "Please sign in" in done.stdout, done.stdout + done.stderr
    server.close()


def test_the_file_of_one_run_serves_the_next(tmp_path: Path) -> None:
    server = TestServer({"dialect": "api_token", "rotation": "strict_family"})
    tokens = server.sign_in()
    server.expire_all()
    given = {
        "API_URL": server.url,
        "ACCESS_TOKEN": tokens["access_token"],
        "REFRESH_TOKEN": tokens["refresh_token"],
        "SESSION_FILE": str(tmp_path / "session.json"),
    }
    for name in ("authenticated_fetch", "authenticated_fetch_async", "authenticated_fetch"):
        program = [sys.executable, str(EXAMPLES / f"{name}.py")]
        done = subprocess.run(program, env={**os.environ, **given}, capture_output=True, text=True, timeout=90)
        assert done.stdout.startswith("200"), done.stdout + done.stderr
    counters = server.counters()
    server.close()
    assert (counters["refreshes"], counters["reuses_detected"]) == (1, 0)
