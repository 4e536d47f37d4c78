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
    own: Path
    """A client's certificate and key."""

    def session(self, **given: Any) -> rekindle.Session:
        return rekindle.Session(
            token_url=self.url + "/token",
            client_id="app",
            access_token="AT-1",
            refresh_token="RT-1",
            origins=[self.url],
            **given,
        )


GRANT = b'{"access_token": "AT-2", "refresh_token": "RT-2", "token_type": "Bearer", "expires_in": 900}'


async def _app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        headers = dict(scope["headers"])
        body = GRANT if scope["path"] == "/token" else headers.get(b"authorization", b"none")
        answer = [(b"content-type", b"application/json"), (b"x-agent", headers.get(b"user-agent", b"none"))]
        await send({"type": "http.response.start", "status": 200, "headers": answer})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    yield from _served(tmp_path_factory.mktemp("tls"), mutual=False)


@pytest.fixture(scope="module")
def mutual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    """Whoever has no certificate is turned away."""
    yield from _served(tmp_path_factory.mktemp("mutual"), mutual=True)


def _served(folder: Path, *, mutual: bool) -> Iterator[Secure]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "root.pem")
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "cert.pem").write_bytes(b"".join(one.bytes() for one in certificate.cert_chain_pems))
    own = authority.issue_cert("app@example.com")
    (folder / "own.pem").write_bytes(b"".join(one.bytes() for one in own.cert_chain_pems) + own.private_key_pem.bytes())
    listening = socket.create_server(("127.0.0.1", 0))
    config = Config()
    config.bind = [f"fd://{listening.fileno()}"]
    config.certfile, config.keyfile = str(folder / "cert.pem"), str(folder / "key.pem")
    if mutual:
        config.ca_certs, config.verify_mode = str(folder / "root.pem"), ssl.CERT_REQUIRED
    config.loglevel = "CRITICAL"
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    def run() -> None:
        loop.call_soon(ready.set)
        loop.run_until_complete(serve(_app, config, shutdown_trigger=stop.wait))  # type: ignore[arg-type]

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    yield Secure(f"https://localhost:{listening.getsockname()[1]}", folder / "root.pem", folder / "own.pem")
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


# spec 11.7
@pytest.mark.parametrize("kind", ["path", "context"])
def test_what_a_session_trusts_holds_for_its_refreshes_and_its_clients(secure: Secure, kind: str) -> None:
    verify: Any = {"path": secure.root, "context": ssl.create_default_context(cafile=str(secure.root))}[kind]
    session = secure.session(verify=verify, user_agent="mine/1")
    session.invalidate()
    response = rekindle.Client(session, base_url=secure.url).get("/")
    assert (response.text, response.headers["x-agent"]) == ("Bearer AT-2", "mine/1")


# spec 11.7
@pytest.mark.parametrize("pair", [False, True])
def test_the_client_certificate_is_shown_on_both_roads(mutual: Secure, pair: bool) -> None:
    cert: Any = (mutual.own, mutual.own) if pair else str(mutual.own)
    session = mutual.session(verify=mutual.root, cert=cert)
    assert session.refresh().value == "AT-2"
    assert rekindle.Client(session, base_url=mutual.url).get("/").text == "Bearer AT-2"
    with pytest.raises(rekindle.RekindleError):
        mutual.session(verify=mutual.root).refresh()


# spec 11.7
def test_a_context_with_a_client_certificate_is_not_taken_for_one_without(mutual: Secure) -> None:
    context = ssl.create_default_context(cafile=str(mutual.root))
    context.load_cert_chain(mutual.own)
    with pytest.raises(rekindle.InvalidConfig, match="cert="):
        mutual.session(verify=context)
    assert mutual.session(verify=context, cert=mutual.own).refresh().value == "AT-2"


@pytest.mark.parametrize("cert", [1, (), ("a",), "/nowhere/at/all", __file__])
def test_a_certificate_that_is_none_names_the_option(cert: Any) -> None:
    with pytest.raises(rekindle.InvalidConfig, match="^cert"):
        rekindle.Session(token_url="https://a.test/token", client_id="app", cert=cert)


# spec 11.7
def test_refreshes_go_through_the_sessions_proxy() -> None:
    proxy = TestServer()
    proxy.script(
        {"match": {"body_contains": "RT-1"}, "respond": {"json": {"access_token": "AT-2", "token_type": "Bearer"}}},
        {"match": {"token": "AT-2"}, "respond": {"text": "from the proxy"}},
    )
    session = rekindle.Session(
        token_url="http://auth.test/token",
        client_id="app",
        access_token="AT-1",
        refresh_token="RT-1",
        insecure_origins=["http://api.test", "http://auth.test"],
        origins=["http://api.test"],
        proxies=proxy.url,
    )
    session.invalidate()
    assert rekindle.Client(session, base_url="http://api.test").get("/data").text == "from the proxy"
    proxy.close()
