"""The code blocks of the pages, run in their order against a server, and the examples of classes."""

from __future__ import annotations

import asyncio
import doctest
import json
import re
import urllib.request
from pathlib import Path

import pytest

import rekindle
from rekindle.testing import MockTransport, TestServer

HERE = Path(__file__).parents[1]
PAGES = [HERE / "README.md", *sorted((HERE / "docs").glob("*.md"))]

_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _blocks(page: Path) -> list[tuple[int, str]]:
    text = page.read_text()
    return [(text[: one.start(1)].count("\n"), one[1]) for one in _BLOCK.finditer(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    server = TestServer({"dialect": "oauth", "rotation": "strict_family"})
    graphql = {"match": {"path": "/graphql"}, "respond": {"json": {"data": {"students": []}}}, "repeat": "always"}
    server.script(graphql)
    names: dict[str, object] = {"__name__": page.stem, "__file__": str(page)}
    blocks = _blocks(page)
    assert blocks
    for line, block in blocks:
        tokens = server.sign_in()
        for name in ("access_token", "refresh_token"):
            block = block.replace(f'{name}="..."', f'{name}="{tokens[name]}"')
        for name in ("auth", "api"):
            block = block.replace(f"https://{name}.example.com", server.url)
        exec(compile("\n" * line + block, str(page), "exec"), names)
    assert server.counters()["reuses_detected"] == 0
    server.close()


_SHOWN = [rekindle.App, rekindle.Session, rekindle.Client, rekindle.AsyncClient, rekindle.Credential]
_SHOWN += [MockTransport, TestServer]


@pytest.mark.parametrize("shown", _SHOWN)
def test_the_example_of_a_class_runs(shown: type) -> None:
    server = TestServer({"dialect": "oauth", "rotation": "strict_family"})
    session = rekindle.Session(
        token_url=server.url + "/oauth/token",
        client_id="app",
        client_secret="app-secret",
        credential=rekindle.Credential(**server.sign_in()),
    )
    names = {"rekindle": rekindle, "asyncio": asyncio, "json": json, "urllib": urllib, "session": session, "api": server.url}
    (example,) = doctest.DocTestFinder(recurse=False).find(shown, shown.__name__, globs=names)
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0
    server.close()
