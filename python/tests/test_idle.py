"""What happens to a connection, or to the interpreter, while nobody calls."""

from __future__ import annotations

import queue
import socket
import subprocess
import sys
import threading
import time

import pytest

import rekindle
from rekindle.testing import TestServer


def closing_server() -> tuple[str, "queue.Queue[str]"]:
    """Answers one request on each connection, and closes it without a word."""
    listening, closed = socket.create_server(("127.0.0.1", 0)), queue.Queue[str]()

    def run() -> None:
        while True:
            connection, _ = listening.accept()
            while not connection.recv(65536).endswith(b"body"):
                pass
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            connection.close()
            closed.put("closed")

    threading.Thread(target=run, daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}", closed


# spec 11.2
def test_a_post_after_a_pause_finds_that_the_server_closed_the_connection() -> None:
    url, closed = closing_server()
    session = rekindle.Session(token_url=url + "/token", client_id="app", access_token="AT-1", origins=[url])
    with rekindle.Client(session, base_url=url, max_sends=1) as client:
        for _ in range(20):
            assert client.post("/", content=b"body").text == "ok"
            closed.get()
            time.sleep(0.005)


AT_EXIT = """
import sys
import rekindle
session = rekindle.Session(
    token_url=sys.argv[1] + "/token", client_id="app", access_token="AT-1", refresh_token="RT-1",
    origins=[sys.argv[1]], wait_timeout=float(sys.argv[2]))
client = rekindle.Client(session, base_url=sys.argv[1], timeout=float(sys.argv[2]))
class Farewell:
    def __init__(self):
        self.session, self.client, self.print, self.base = session, client, print, Exception
    def __del__(self):
        try:
            self.print(USE, flush=True)
        except self.base as error:
            self.print(type(error).__name__, flush=True)
session.token()
session.invalidate()
farewell = Farewell()
sys.modules["kept"] = farewell
"""


# spec 4.10
@pytest.mark.parametrize("use", ["self.session.token().value", "self.client.get('/data').text"])
@pytest.mark.parametrize("answers", [True, False])
def test_a_token_that_is_asked_for_at_the_very_end_does_not_hold_up_the_exit(
    server: TestServer, use: str, answers: bool
) -> None:
    grant = {"access_token": "AT-2", "refresh_token": "RT-2", "token_type": "Bearer", "expires_in": 900}
    wait = {"delay_ms": 300} if answers else {"hold": "never"}
    server.script(
        {"match": {"path": "/token"}, "respond": {"json": grant}, **wait},
        {"match": {"path": "/data"}, "respond": {"text": "AT-2"}, "repeat": "always"},
    )
    code = AT_EXIT.replace("USE", use)
    limit = "60" if answers else "1"
    ran = subprocess.run([sys.executable, "-c", code, server.url, limit], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout.strip()) == (0, "AT-2" if answers else "Timeout"), ran.stderr
