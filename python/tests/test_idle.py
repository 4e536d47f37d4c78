"""What happens to a connection, or to the interpreter, while nobody calls."""

from __future__ import annotations

import queue
import socket
import threading
import time

import rekindle


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
