"""Uploads that real servers answer before they have read them (rule 11.1): uvicorn, aiohttp.web, Node; HTTP/2."""

from __future__ import annotations

import asyncio
import hashlib
import io
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import rekindle

SIZE = 20_000_000
CONTENT = hashlib.shake_128(b"upload").digest(SIZE)
DIGEST = hashlib.sha256(CONTENT).hexdigest()

# Each: the first upload is answered by `early` at its head; all others are read to their end, and their hash is told.
UVICORN = """
import asyncio, hashlib, socket, sys
import uvicorn
early, seen = int(sys.argv[1]), []
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    path, status, headers, body = scope["path"], 200, [], b""
    if path == "/token":
        body = b'{"access_token": "AT-2", "refresh_token": "RT-2", "token_type": "Bearer", "expires_in": 900}'
        headers = [(b"content-type", b"application/json")]
    elif not seen:
        seen.append(1)
        status, headers = early, [(b"location", b"/again"), (b"retry-after", b"0"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    else:
        digest, more = hashlib.sha256(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            digest.update(message.get("body", b""))
            more = message.get("more_body", False)
        length = dict(scope["headers"]).get(b"content-length", b"none")
        body = digest.hexdigest().encode() + b" " + length
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"""
SERVE_UVICORN = UVICORN + """
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
config = uvicorn.Config(app, log_level="error", lifespan="off")
uvicorn.Server(config).run(sockets=[listening])
"""
SERVE_HTTP2 = UVICORN.replace("import uvicorn\n", "") + """
from hypercorn.asyncio import serve
from hypercorn.config import Config
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
config = Config()
config.bind = [f"fd://{listening.fileno()}"]
config.certfile, config.keyfile, config.loglevel = sys.argv[2], sys.argv[3], "CRITICAL"
asyncio.run(serve(app, config))
"""
SERVE_AIOHTTP = """
import hashlib, socket, sys
from aiohttp import web
early, seen = int(sys.argv[1]), []
async def token(request):
    return web.json_response(
        {"access_token": "AT-2", "refresh_token": "RT-2", "token_type": "Bearer", "expires_in": 900})
async def up(request):
    if not seen:
        seen.append(1)
        return web.Response(status=early, headers={"location": "/again", "retry-after": "0"})
    digest = hashlib.sha256()
    async for piece in request.content.iter_any():
        digest.update(piece)
    return web.Response(text=digest.hexdigest() + " " + request.headers.get("content-length", "none"))
app = web.Application()
app.router.add_post("/token", token)
app.router.add_route("*", "/{any}", up)
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
web.run_app(app, sock=listening, print=None)
"""
SERVE_NODE = """
const http = require("http"), crypto = require("crypto");
const early = Number(process.argv[2]);
let first = true;
http.createServer((request, response) => {
  if (request.url === "/token") {
    request.resume();
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({access_token: "AT-2", refresh_token: "RT-2", token_type: "Bearer", expires_in: 900}));
  } else if (first) {
    first = false;
    response.writeHead(early, {location: "/again", "retry-after": "0"});
    response.end();
  } else {
    const digest = crypto.createHash("sha256");
    request.on("data", piece => digest.update(piece));
    const length = request.headers["content-length"] || "none";
    request.on("end", () => response.end(digest.digest("hex") + " " + length));
  }
}).listen(0, "127.0.0.1", function () { console.log(this.address().port); });
"""

Start = Callable[[str, int], Any]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a server; gives its URL and the root to trust."""
    running: list[subprocess.Popen[bytes]] = []

    def start(kind: str, early: int) -> tuple[str, Path | None]:
        root = None
        if kind == "node":
            if (node := shutil.which("node")) is None:
                pytest.skip("no Node here")
            script = tmp_path / "server.js"
            script.write_text(SERVE_NODE)
            command = [node, str(script), str(early)]
        else:
            text = {"uvicorn": SERVE_UVICORN, "aiohttp": SERVE_AIOHTTP, "http2": SERVE_HTTP2}[kind]
            command = [sys.executable, "-c", textwrap.dedent(text), str(early)]
        if kind == "http2":
            import trustme

            authority, root = trustme.CA(), tmp_path / "root.pem"
            authority.cert_pem.write_to_path(root)
            certificate = authority.issue_cert("localhost")
            certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
            (tmp_path / "cert.pem").write_bytes(b"".join(one.bytes() for one in certificate.cert_chain_pems))
            command += [str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        running.append(process)
        assert process.stdout is not None
        port = int(process.stdout.readline())
        return (f"https://localhost:{port}" if root else f"http://127.0.0.1:{port}"), root

    yield start
    for process in running:
        process.kill()
        process.wait()


def client_of(url: str, root: Path | None, kind: Any = rekindle.Client) -> Any:
    session = rekindle.Session(
        dialect="oauth2",
        token_url=url + "/token",
        client_id="app",
        access_token="AT-1",
        refresh_token="RT-1",
        origins=[url],
        refresh_with=(lambda spend: {"access_token": "AT-2"}) if root else None,
    )
    return kind(session, base_url=url, verify=root or True)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("uploads") / "content"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize("early", [401, 503, 307])
@pytest.mark.parametrize("kind", ["uvicorn", "aiohttp", "node", "http2"])
def test_a_file_is_sent_whole_after_an_early_answer(start: Start, path: Path, kind: str, early: int) -> None:
    with client_of(*start(kind, early)) as client:
        for _ in range(3):
            with open(path, "rb") as file:
                response = client.put("/up", content=file)
            assert (response.status_code, response.text) == (200, f"{DIGEST} {SIZE}")


@pytest.mark.parametrize("kind", ["uvicorn", "aiohttp", "node", "http2"])
def test_the_async_client_sends_a_file_whole_after_an_early_answer(start: Start, path: Path, kind: str) -> None:
    async def send() -> Any:
        async with client_of(*start(kind, 401), rekindle.AsyncClient) as client:
            with open(path, "rb") as file:
                # Not a POST: hypercorn may end the connection when more comes for a stream that it has answered, and
                # with it the stream of the replay. Only what is idempotent is retried then.
                return await client.put("/up", content=file)

    response = asyncio.run(send())
    assert (response.status_code, response.text) == (200, f"{DIGEST} {SIZE}")


def _list(path: Path) -> Any:
    return [CONTENT[at : at + 100_000] for at in range(0, SIZE, 100_000)]


def _temporary(path: Path) -> Any:
    file = tempfile.NamedTemporaryFile()
    file.write(CONTENT)
    file.seek(0)
    return file


def _middle(path: Path) -> Any:
    file = io.BytesIO(b"left out" + CONTENT)
    file.seek(8)
    return file


def _raw(path: Path) -> Any:
    return open(path, "rb", buffering=0)


@pytest.mark.parametrize(
    ("make", "length"), [(_list, "none"), (_temporary, SIZE), (_middle, SIZE), (_raw, SIZE)]
)
def test_each_source_that_can_be_read_twice_is_sent_whole(start: Start, path: Path, make: Any, length: Any) -> None:
    with client_of(*start("aiohttp", 401)) as client:
        response = client.put("/up", content=make(path))
    assert (response.status_code, response.text) == (200, f"{DIGEST} {length}")


@pytest.mark.parametrize("kind", ["uvicorn", "aiohttp", "node"])
def test_a_file_is_sent_whole_through_aiohttp_after_an_early_answer(start: Start, path: Path, kind: str) -> None:
    import aiohttp

    from rekindle.aiohttp import middleware

    url, _ = start(kind, 401)
    session = rekindle.Session(
        token_url=url + "/token", client_id="app", access_token="AT-1", refresh_token="RT-1", origins=[url]
    )

    async def send() -> str:
        async with aiohttp.ClientSession(middlewares=[middleware(session)]) as client:
            with open(path, "rb") as file:
                async with client.put(url + "/up", data=file) as response:
                    return await response.text()

    assert asyncio.run(send()) == f"{DIGEST} {SIZE}"


def test_a_file_is_not_read_any_more_after_the_call(start: Start, path: Path) -> None:
    with client_of(*start("uvicorn", 413)) as client, open(path, "rb") as file:
        assert client.put("/up", content=file).status_code == 413
        file.seek(0)
        client.get("/other")
        assert file.tell() == 0


def test_the_length_of_what_only_reading_tells_is_not_guessed(start: Start, tmp_path: Path) -> None:
    import gzip

    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(CONTENT[:100_000]))
    wanted = hashlib.sha256(CONTENT[:100_000]).hexdigest()
    with client_of(*start("aiohttp", 401)) as client, gzip.open(packed) as file:
        assert client.put("/up", content=file).text == f"{wanted} none"
