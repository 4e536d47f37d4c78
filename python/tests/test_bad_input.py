"""What makes no sense gets an exception of the right type that names the argument: no panic, no hang, no crash."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import rekindle
import rekindle.testing
from conftest import Make, grants, turns_away
from rekindle.testing import TestServer

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def no_panic(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    told = capfd.readouterr()
    assert "panicked" not in told.err + told.out


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("base_url", 5), ("base_url", "nope"), ("base_url", "ftp://x"), ("headers", 3), ("headers", {"a b": "c"}),
        ("headers", {"a": "b\n"}), ("timeout", 0), ("timeout", "5"), ("timeout", float("nan")), ("timeout", True),
        ("follow_redirects", "no"), ("max_redirects", -1), ("max_redirects", 1.5), ("max_sends", "3"),
        ("graphql_path", 5), ("proxies", "nope"), ("proxies", 5), ("proxies", "ftp://x:1"),
        ("proxies", {"http": "http://a:1", "https": "http://b:1"}), ("proxies", {"http://api.test": "http://a:1"}),
        ("verify", False), ("verify", 3), ("verify", "/nope.pem"), ("verify", "/"), ("verify", __file__),
        ("http2", "no"), ("user_agent", 5), ("user_agent", "a\nb"),
    ],
)  # fmt: skip
def test_a_wrong_setting_of_a_client_is_named(make: Make, argument: str, value: Any) -> None:
    for kind in (rekindle.Client, rekindle.AsyncClient):
        with pytest.raises(rekindle.InvalidConfig) as caught:
            kind(make(), **{argument: value})
        assert argument.rstrip("s") in str(caught.value)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("params", 3), ("params", "a=1"), ("params", {"a": {"b": 1}}), ("headers", [1]), ("headers", {"a b": "x"}),
        ("headers", {"x-a": "a\nb"}), ("headers", {f"x-{n}": "a" for n in range(40_000)}), ("json", {1j: 2}),
        ("json", float("nan")), ("data", 4), ("data", b"raw"), ("data", {"a": {"b": 1}}), ("files", 3),
        ("files", {"f": 3}), ("files", {"f": ("n", b"x", "a/b", {})}), ("content", 5), ("content", iter([1])),
        ("timeout", -1), ("follow_redirects", 1), ("idempotency_key", 5), ("idempotency_key", "a\nb"),
    ],
)  # fmt: skip
def test_a_wrong_argument_of_a_request_is_named(server: TestServer, make: Make, argument: str, value: Any) -> None:
    server.script()
    with pytest.raises(rekindle.InvalidConfig) as caught:
        rekindle.Client(make(), base_url=server.url, max_sends=1).post("/", **{argument: value})
    assert argument.removesuffix("s") in str(caught.value)


def test_two_bodies_are_one_too_many(make: Make) -> None:
    client = rekindle.Client(make(), base_url=NOWHERE)
    with pytest.raises(rekindle.InvalidConfig, match="json and content"):
        client.post("/", json={}, content=b"")
    with pytest.raises(rekindle.InvalidConfig, match="content and data or files"):
        client.post("/", content=b"", data={})


@pytest.mark.parametrize("url", [5, None, b"/x", "ftp://a.test/", "http://[::1", "https://"])
def test_a_wrong_url_is_named(make: Make, url: Any) -> None:
    with pytest.raises(rekindle.InvalidConfig, match="url"):
        rekindle.Client(make(), base_url=NOWHERE).get(url)


def test_a_relative_url_without_a_base_says_what_is_missing(make: Make) -> None:
    with pytest.raises(rekindle.InvalidConfig, match="base_url"):
        rekindle.Client(make()).get("/x")


@pytest.mark.parametrize("method", [5, "A B", ""])
def test_a_wrong_method_is_named(make: Make, method: Any) -> None:
    with pytest.raises(rekindle.InvalidConfig, match="method"):
        rekindle.Client(make(), base_url=NOWHERE).request(method, "/x")


def test_graphql_names_query_and_variables(make: Make) -> None:
    client: Any = rekindle.Client(make(), base_url=NOWHERE)
    with pytest.raises(rekindle.InvalidConfig, match="query"):
        client.graphql(5)
    for variables in ([1], {"a": object()}, {1, 2}):
        with pytest.raises(rekindle.InvalidConfig, match="variables"):
            client.graphql("{ a }", variables=variables)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda session: session.token(min_life="1"), "min_life"),
        (lambda session: session.token(min_life=-1), "min_life"),
        (lambda session: session.status(fresh=1), "fresh"),
        (lambda session: session.shutdown(timeout="x"), "timeout"),
        (lambda session: session.sign_in({"access_token": "x"}), "credential"),
        (lambda session: session.sign_in(rekindle.Credential(access_token=5)), "access_token"),
        (lambda session: session.sign_in(rekindle.Credential(access_token="a", extra=[1])), "extra"),
        (lambda session: session.sign_in(rekindle.Credential(access_token="a", expires_in=0)), "expires_in"),
        (lambda session: session.sign_in(rekindle.Credential()), "credential"),
        (lambda _: rekindle.Client("session"), "session"),
        (lambda _: rekindle.FileStore(5), "path"),
        (lambda _: rekindle.testing.ManualClock().advance(-1), "seconds"),
    ],
)
def test_a_wrong_argument_of_a_call_is_named(make: Make, call: Callable[[Any], Any], argument: str) -> None:
    with pytest.raises(rekindle.InvalidConfig, match=argument):
        call(make())


def test_a_typo_in_a_dialect_is_named_with_what_would_be_right(make: Make) -> None:
    with pytest.raises(rekindle.InvalidConfig, match=r"token\.heade.*expected one of.*header"):
        make(dialect={"token": {"heade": "x"}})
    with pytest.raises(rekindle.InvalidConfig, match=r"oauth3.*oauth2"):
        make(dialect="oauth3")


@pytest.mark.parametrize("option", ["acces_token", "timout", "Origins"])
def test_an_unknown_option_is_a_type_error_that_names_it(make: Make, option: str) -> None:
    with pytest.raises(TypeError, match=option):
        make(**{option: 1})
    with pytest.raises(TypeError, match=option):
        rekindle.Client(make(), **{option: 1})
    with pytest.raises(TypeError, match=option):
        rekindle.Client(make(), base_url=NOWHERE).get("/", **{option: 1})  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", [rekindle.Client, rekindle.AsyncClient])
def test_an_unknown_setting_of_a_client_is_named(make: Make, kind: Any) -> None:
    with pytest.raises(TypeError, match=r"^Client\.__init__\(\) got an unexpected keyword argument 'proxy'$"):
        kind(make(), proxy="http://a:1")


def test_a_closed_client_says_so_for_every_call(make: Make) -> None:
    client = rekindle.Client(make(), base_url=NOWHERE)
    client.close()
    for call in (client.get, client.post, client.graphql, lambda url: client.stream("GET", url).__enter__()):
        with pytest.raises(rekindle.Misuse, match="closed"):
            call("/x")


class Mine(Exception):
    """Of the caller's own."""


def test_what_a_bodys_iterator_raises_comes_back_as_it_is(server: TestServer, make: Make) -> None:
    server.script()

    def pieces() -> Iterator[bytes]:
        yield b"a"
        raise Mine

    async def apieces() -> AsyncIterator[bytes]:
        yield b"a"
        raise Mine

    with pytest.raises(Mine):
        rekindle.Client(make(), base_url=server.url).post("/x", content=pieces())

    async def send() -> None:
        async with rekindle.AsyncClient(make(), base_url=server.url) as client:
            await client.post("/x", content=apieces())

    with pytest.raises(Mine):
        asyncio.run(send())


def test_an_iterator_that_blocks_for_ever_ends_with_the_deadline(server: TestServer, make: Make) -> None:
    server.script()
    blocks = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"a"
        blocks.wait()

    with pytest.raises(rekindle.Timeout):
        rekindle.Client(make(), base_url=server.url, max_sends=1).post("/x", content=pieces(), timeout=0.3)
    blocks.set()


def test_a_refresh_function_that_blocks_for_ever_is_a_timeout_for_its_callers(make: Make) -> None:
    blocks = threading.Event()

    def refresh(_: rekindle.RefreshInput) -> rekindle.Credential:
        blocks.wait()
        return rekindle.Credential(access_token="AT-2", expires_in=900)

    session = make(refresh_with=refresh, expires_at=1.0, wait_timeout=0.2)
    with pytest.raises(rekindle.Timeout):
        session.token()
    blocks.set()
    assert session.token().value == "AT-2"


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (None, "returned None"), ("AT-2", "a str"), (42, "an int"), ({}, "a dict without access_token"),
        ({"access_token": 5}, "an int as access_token"),
    ],
)  # fmt: skip
def test_a_refresh_function_that_gives_nonsense_is_told_and_nobody_is_signed_out(
    make: Make, caplog: pytest.LogCaptureFixture, given: Any, word: str
) -> None:
    session = make(refresh_with=lambda _: given, expires_at=1.0)
    with pytest.raises(rekindle.RefreshFailed, match="the refresh function returned") as caught:
        session.token()
    assert word in str(caught.value) and '{"access_token": ' in str(caught.value)
    assert "the refresh function returned" in caplog.text and word in caplog.text
    assert session.status().standing != "login_required"


@pytest.mark.parametrize("lifetime", ["900", 900.5, "soon", -1, None, float("nan")])
def test_a_lifetime_that_makes_no_sense_does_not_lose_the_grant(make: Make, lifetime: Any) -> None:
    grant = {"access_token": "AT-2", "refresh_token": "RT-2", "expires_in": lifetime}
    assert make(refresh_with=lambda spend: grant, expires_at=1.0).token().value == "AT-2"


class Store:
    """Gives what it is told to."""

    def __init__(self, load: Any = None, save: Any = "1") -> None:
        self._load, self._save = load, save

    def load(self, key: str) -> Any:
        return self._load

    def save(self, key: str, record: bytes, expected: Any) -> Any:
        return self._save


@pytest.mark.parametrize(
    ("store", "word"),
    [
        (Store(load={"not": "a record"}), "load gave a dict"),
        (Store(load=(b"x",)), "load gave a tuple"),
        (Store(load=("x", 1)), "load gave a tuple"),
        (Store(load=True), "load gave a bool"),
        (Store(save=7), "save gave a int"),
        (Store(save=b"1"), "save gave a bytes"),
    ],
)
def test_a_store_that_gives_nonsense_is_unavailable_and_nothing_is_spent(
    server: TestServer, make: Make, store: Store, word: str
) -> None:
    server.script()
    with pytest.raises(rekindle.StoreUnavailable, match=word):
        make(store=store, expires_at=1.0).token()
    assert server.log() == []


@pytest.mark.parametrize("record", [b"", b"garbage", b"\xff\xfe", b"{}", b"[" * 100_000])
def test_a_store_whose_record_is_damaged_is_unavailable(server: TestServer, make: Make, record: bytes) -> None:
    server.script()
    with pytest.raises(rekindle.StoreUnavailable):
        make(store=Store(load=(record, "1")), expires_at=1.0).token()
    assert server.log() == []


def test_a_listener_that_raises_or_blocks_hinders_nobody(server: TestServer, make: Make) -> None:
    server.script(grants(2))
    blocks = threading.Event()
    session = make(on_event=lambda event: blocks.wait(), expires_at=1.0)
    assert session.token().value == "AT-2"
    assert not session.shutdown(timeout=0.2)
    blocks.set()
    # spec 4.10
    assert session.shutdown(timeout=5)


def test_a_header_of_ten_megabytes_is_an_error_either_way(server: TestServer, make: Make) -> None:
    large = "a" * 10_000_000
    server.script({"match": {"path": "/x"}, "respond": {"headers": {"x-large": [large]}}, "repeat": "always"})
    client = rekindle.Client(make(), base_url=server.url, max_sends=1)
    for given in ({}, {"headers": {"x-large": large}}):
        with pytest.raises(rekindle.Connection):
            client.get("/x", **given)


def test_what_is_no_utf8_is_invalid_and_no_more(server: TestServer, make: Make) -> None:
    broken = {"bytes": "eyJhIjoi/yJ9", "headers": {"content-type": ["application/json"]}}
    server.script({"match": {"path": "/x"}, "respond": broken}, {"match": {"path": "/graphql"}, "respond": broken})
    client = rekindle.Client(make(), base_url=server.url)
    response = client.get("/x")
    assert response.text == '{"a":"\ufffd"}'
    with pytest.raises(rekindle.InvalidResponse):
        response.json()
    with pytest.raises(rekindle.InvalidResponse):
        client.graphql("{ a }")


def test_a_charset_that_nobody_knows_is_read_as_utf8(server: TestServer, make: Make) -> None:
    server.script({"match": {"path": "/x"}, "respond": {"text": "ü", "headers": {"content-type": ["a/b; charset=no"]}}})
    assert rekindle.Client(make(), base_url=server.url).get("/x").text == "ü"


def test_a_loop_that_is_gone_takes_its_waiters_along_and_nothing_else(server: TestServer, make: Make) -> None:
    server.script(grants(2, hold="answer"))
    session = make(expires_at=1.0)
    loop = asyncio.new_event_loop()
    task = loop.create_task(rekindle.AsyncSession.of(session).token())
    loop.run_until_complete(asyncio.sleep(0))
    server.log(wait=1)
    loop.close()
    server.release("answer")
    assert session.token().value == "AT-2"
    # Never awaited to its end: asyncio says so, when it is collected.
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    del task
    gc.collect()
    assert len(server.log()) == 1


def test_a_session_is_collected_with_its_callbacks(make: Make) -> None:
    import weakref

    store = Store()
    gone = weakref.ref(store)
    session = make(store=store, on_event=lambda event: None)
    del store, session
    gc.collect()
    assert gone() is None


def test_the_interpreter_ends_cleanly_with_everything_open(server: TestServer, tmp_path: Path) -> None:
    server.script({"match": {"path": "/data"}, "respond": {"status": 200}, "repeat": "always"})
    path = tmp_path / "program.py"
    path.write_text(
        f"""
import asyncio, threading, rekindle
session = rekindle.Session(token_url={server.url + "/token"!r}, client_id="a", access_token="AT-1",
                           origins=[{server.url!r}], on_event=print)
client = rekindle.Client(session, base_url={server.url!r})
stream = client.stream("GET", "/data")
stream.__enter__()
events = session.events()
threading.Thread(target=lambda: [next(events) for _ in range(9)], daemon=True).start()
async def main():
    aclient = rekindle.AsyncClient(session, base_url={server.url!r})
    await asyncio.gather(*(aclient.get("/data") for _ in range(20)))
    asyncio.ensure_future(aclient.get("/data"))
asyncio.run(main())
"""
    )
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
