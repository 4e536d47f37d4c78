"""`verify` and `http2` against a real TLS server whose root nobody knows; `proxies` through a real hop."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypercorn.asyncio import serve
from hypercorn.config import Config

import rekindle
from rekindle.testing import TestServer


@dataclass
class Secure:
    """A server that answers with the token it was sent."""

    url: str
    root: Path

    def session(self) -> rekindle.Session:
        return rekindle.Session(
            token_url=self.url + "/token", client_id="app", access_token="AT-1", origins=[self.url]
        )


async def _app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        token = dict(scope["headers"]).get(b"authorization", b"none")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": token})


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "root.pem")
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "cert.pem").write_bytes(b"".join(one.bytes() for one in certificate.cert_chain_pems))
    listening = socket.create_server(("127.0.0.1", 0))
    config = Config()
    config.bind = [f"fd://{listening.fileno()}"]
    config.certfile, config.keyfile = str(folder / "cert.pem"), str(folder / "key.pem")
    config.loglevel = "ERROR"
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    def run() -> None:
        loop.call_soon(ready.set)
        loop.run_until_complete(serve(_app, config, shutdown_trigger=stop.wait))  # type: ignore[arg-type]

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    yield Secure(f"https://localhost:{listening.getsockname()[1]}", folder / "root.pem")
    loop.call_soon_threadsafe(stop.set)
    thread.join()


def test_an_unknown_root_is_a_connection_error(secure: Secure) -> None:
    with pytest.raises(rekindle.Connection):
        rekindle.Client(secure.session(), base_url=secure.url, max_sends=1).get("/")


@pytest.mark.parametrize("kind", ["text", "path", "context"])
def test_verify_takes_a_path_or_a_context(secure: Secure, kind: str) -> None:
    context = ssl.create_default_context(cafile=str(secure.root))
    verify: Any = {"text": str(secure.root), "path": secure.root, "context": context}[kind]
    with rekindle.Client(secure.session(), base_url=secure.url, verify=verify) as client:
        response = client.get("/")
    assert (response.text, response.http_version) == ("Bearer AT-1", "HTTP/2")


def test_http2_can_be_left_out(secure: Secure) -> None:
    async def ask() -> str:
        client = rekindle.AsyncClient(secure.session(), base_url=secure.url, verify=secure.root, http2=False)
        async with client:
            return (await client.get("/")).http_version

    assert asyncio.run(ask()) == "HTTP/1.1"


@pytest.mark.parametrize("shape", ["text", "mapping"])
def test_requests_go_through_the_proxy(shape: str) -> None:
    proxy = TestServer()
    proxy.script({"match": {"token": "AT-1"}, "respond": {"text": "from the proxy"}})
    session = rekindle.Session(
        token_url="https://auth.test/token",
        client_id="app",
        access_token="AT-1",
        insecure_origins=["http://api.test"],
        origins=["http://api.test"],
    )
    proxies: Any = proxy.url if shape == "text" else {"http://": proxy.url, "https://": proxy.url}
    with rekindle.Client(session, base_url="http://api.test", proxies=proxies) as client:
        assert client.get("/data").text == "from the proxy"
    proxy.close()
