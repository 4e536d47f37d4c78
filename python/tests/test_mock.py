from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

import pytest

import rekindle
from rekindle.testing import MockRequest, MockResponse, MockTransport, TestServer


def server(request: MockRequest) -> object:
    if request.path == "/token":
        assert request.form["grant_type"] == "refresh_token"
        return {"access_token": "AT-2", "expires_in": 900}
    if request.headers["authorization"] != "Bearer AT-2":
        return 401
    return {"params": request.params, "sent": request.content.decode()}


def session(**given: object) -> rekindle.Session:
    return rekindle.Session(
        token_url="https://auth.test/token", client_id="app", access_token="AT-1", refresh_token="RT-1", **given
    )


def test_a_function_answers_the_api_and_the_token_endpoint() -> None:
    with MockTransport(server) as mock:
        client = rekindle.Client(session(), base_url="https://api.test", connect_timeout=1.0)
    answer = client.post("/notes", params={"q": 1}, content=iter([b"a", b"b"]), headers={"authorization": "Bearer AT-2"})
    assert answer.json() == {"params": {"q": ["1"]}, "sent": "ab"}
    assert client.get("/notes").json() == {"params": {}, "sent": ""}
    assert [request.path for request in mock.requests] == ["/notes", "/notes", "/token", "/notes"]
    assert "AT-" not in repr(mock.requests)


def test_so_it_does_for_async_clients_and_apps() -> None:
    with MockTransport(server):
        app = rekindle.App(token_url="https://auth.test/token", client_id="app")
        credential = rekindle.Credential(access_token="AT-1", refresh_token="RT-1")
        client = rekindle.AsyncClient(app.session("ada", credential=credential), base_url="https://api.test")

    async def ask() -> int:
        return (await client.get("/notes")).status_code

    assert asyncio.run(ask()) == 200


def test_what_the_function_raises_is_a_broken_connection() -> None:
    def breaks(request: MockRequest) -> object:
        if request.path == "/refused":
            raise ConnectionRefusedError("nobody there")
        raise OSError("reset")

    with MockTransport(breaks) as mock:
        client = rekindle.Client(session(), base_url="https://api.test", max_sends=2)
    with pytest.raises(rekindle.Connection, match="nobody there"):
        client.post("/refused")
    with pytest.raises(rekindle.Connection, match="reset"):
        client.post("/broken")
    assert [request.path for request in mock.requests] == ["/refused", "/refused", "/broken"]


def test_an_answer_of_no_sense_is_told() -> None:
    with MockTransport(lambda _: "text") as mock:
        client = rekindle.Client(session(), base_url="https://api.test", max_sends=1)
    with pytest.raises(rekindle.Connection, match="MockResponse"):
        client.get("/data")
    assert len(mock.requests) == 1
    assert MockResponse(text="a").headers == [("content-type", "text/plain; charset=utf-8")]


def test_the_server_needs_no_other_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REKINDLE_TEST_SERVER", raising=False)
    with TestServer({"dialect": "oauth", "rotation": "strict_family"}) as model:
        assert model.sign_in()["access_token"]
    with TestServer() as scripted:
        scripted.script({"match": {"path": "/data"}, "respond": {"status": 200}})
        assert scripted.complaints()
    scripted.close()


def test_the_program_comes_with_the_package() -> None:
    program = "import sys; from rekindle._test_server import main; sys.argv = ['x', '{}']; main()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        assert json.loads(process.stdout.readline())["url"].startswith("http://127.0.0.1:")
        process.stdin.close()
        assert process.wait() == 0
    assert os.path.exists(os.path.join(os.path.dirname(sys.executable), "rekindle-test-server"))
