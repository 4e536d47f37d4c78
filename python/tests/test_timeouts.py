"""Three times of a request: for all of it, to connect, and of a server's silence (rule 11.8)."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import rekindle
from rekindle.testing import TestServer

Make = Callable[..., rekindle.Session]


@contextmanager
def silent() -> Iterator[str]:
    """A port whose connections come about, and nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def hold(server: TestServer, sends: int = 1) -> None:
    server.script(*[{"match": {"path": "/slow"}, "hold": "for ever", "respond": {"status": 200}}] * sends)


@pytest.mark.parametrize("given", [{"timeout": (5, 0.3)}, {"timeout": (None, 0.3)}, {"read_timeout": 0.3}])
def test_a_silent_server_is_a_timeout(server: TestServer, make: Make, given: dict[str, Any]) -> None:
    for of_client, of_request in ((given, {}), ({}, given), ({"timeout": (1, 60)}, given)):
        hold(server)
        client = rekindle.Client(make(), base_url=server.url, max_sends=1, **of_client)
        with pytest.raises(rekindle.Timeout, match=r"sent nothing for 0\.3 s"):
            client.get("/slow", **of_request)


def test_async_and_graphql_take_the_pair_too(server: TestServer, make: Make) -> None:
    hold(server, 2)

    async def main() -> None:
        async with rekindle.AsyncClient(make(), base_url=server.url, max_sends=1) as client:
            with pytest.raises(rekindle.Timeout, match=r"sent nothing for 0\.3 s"):
                await client.get("/slow", timeout=(5, 0.3))

    asyncio.run(main())
    client = rekindle.Client(make(), base_url=server.url, max_sends=1, graphql_path="/slow")
    with pytest.raises(rekindle.Timeout, match=r"sent nothing for 0\.3 s"):
        client.graphql("{ a }", timeout=(5, 0.3))


def test_connecting_has_a_time_of_its_own(make: Make) -> None:
    with silent() as address:
        # What it waits for is TLS.
        client = rekindle.Client(make(), base_url=f"https://{address}", max_sends=1)
        for given in ({"timeout": (0.3, 0.01)}, {}):
            own = client if given else rekindle.Client(
                make(), base_url=f"https://{address}", max_sends=1, connect_timeout=0.3
            )
            with pytest.raises(rekindle.Connection, match=r"no connection within 0\.3 s"):
                own.get("/", **given)


def test_what_makes_no_sense_is_told(server: TestServer, make: Make) -> None:
    client = rekindle.Client(make(), base_url=server.url)
    for wrong in ((1,), (1, 2, 3), (0, 1), (1, -1), ("1", 1), [1, 2]):
        with pytest.raises(rekindle.InvalidConfig, match="timeout"):
            client.get("/", timeout=wrong)  # type: ignore[arg-type]
        with pytest.raises(rekindle.InvalidConfig, match="timeout"):
            rekindle.Client(make(), base_url=server.url, timeout=wrong)  # type: ignore[arg-type]
    with pytest.raises(rekindle.InvalidConfig, match="one or the other"):
        client.get("/", timeout=(1, 1), read_timeout=1)
    with pytest.raises(rekindle.InvalidConfig, match="one or the other"):
        rekindle.Client(make(), base_url=server.url, timeout=(1, 1), connect_timeout=1)
    for wrong in (-1, True, 1.5, "1"):
        with pytest.raises(rekindle.InvalidConfig, match="max_idle_connections"):
            rekindle.Client(make(), base_url=server.url, max_idle_connections=wrong)  # type: ignore[arg-type]
    for wrong in (0, -1, True, 1.5, "1"):
        with pytest.raises(rekindle.InvalidConfig, match="max_concurrent_requests"):
            rekindle.Client(make(), base_url=server.url, max_concurrent_requests=wrong)  # type: ignore[arg-type]


class Ports(ThreadingHTTPServer):
    """Answers everything, and keeps the ports that its clients have."""

    daemon_threads = True

    def __init__(self) -> None:
        self.ports: set[int] = set()
        super().__init__(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, Ports)
        self.server.ports.add(self.client_address[1])
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(("most", "connections"), [(None, 1), (1, 1), (0, 3)])
def test_no_more_idle_connections_are_kept_than_may_be(make: Make, most: int | None, connections: int) -> None:
    with Ports() as server:
        url = f"http://127.0.0.1:{server.server_port}"
        client = rekindle.Client(make(), base_url=url, max_idle_connections=most, idle_timeout=60)
        for _ in range(3):
            client.get("/").raise_for_status()
        assert len(server.ports) == connections
        server.shutdown()
