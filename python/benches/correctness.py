"""What becomes of a sign-in when many callers find the token expired at once: ours, and the peers'.

Anyone can run it: `pip install rekindle pytest requests requests-oauthlib Authlib httpx google-auth`, have the
program `rekindle-test-server` on the path (or REKINDLE_TEST_SERVER), and `python correctness.py`. The server rotates
refresh tokens and revokes the whole sign-in when one comes twice (`strict_family`), as RFC 9700 recommends; where an
answer is lost, it takes the old token for another minute, or nobody could go on.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import importlib.metadata
import json
import multiprocessing
import os
import platform
import sys
import tempfile
import time
import warnings
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rekindle.testing import TestServer

THREADS, TASKS, CALLERS = 50, 200, 10
LATENCY_MS = 150
Get = Callable[[], int]
AsyncGet = Callable[[], Awaitable[int]]


class Place:
    """Where a client signs in, and the file that processes share."""

    def __init__(self, url: str, tokens: dict[str, Any], file: Path, rotation: str) -> None:
        self.url, self.token_url, self.file, self.rotation = url, url + "/oauth/token", file, rotation
        # It has ended, and everybody can see that by the clock.
        self.token = {**tokens, "token_type": "Bearer", "expires_at": time.time() - 10}

    def keep(self, token: dict[str, Any]) -> None:
        """What both libraries' documentation does with a new token."""
        self.file.write_text(json.dumps(token))

    def kept(self) -> dict[str, Any]:
        known: dict[str, Any] = json.loads(self.file.read_text()) if self.file.exists() else self.token
        return known


def session(place: Place) -> Any:
    import rekindle

    return rekindle.Session(
        token_url=place.token_url,
        client_id="app",
        client_secret="app-secret",
        access_token=place.token["access_token"],
        refresh_token=place.token["refresh_token"],
        expires_at=place.token["expires_at"],
        rotation=place.rotation,
        origins=[place.url],
        store=rekindle.FileStore(place.file.with_suffix(".rekindle")),
    )


def rekindle_sync(place: Place) -> Get:
    import rekindle

    client = rekindle.Client(session(place), base_url=place.url)
    return lambda: client.get("/data").status_code


def rekindle_async(place: Place) -> AsyncGet:
    import rekindle

    client = rekindle.AsyncClient(session(place), base_url=place.url)

    async def get() -> int:
        return (await client.get("/data")).status_code

    return get


def requests_oauthlib(place: Place) -> Get:
    from requests_oauthlib import OAuth2Session

    secret = {"client_id": "app", "client_secret": "app-secret"}
    client = OAuth2Session(
        "app",
        token=place.kept(),
        auto_refresh_url=place.token_url,
        auto_refresh_kwargs=secret,
        token_updater=place.keep,
    )
    return lambda: int(client.get(place.url + "/data").status_code)


def authlib_sync(place: Place) -> Get:
    from authlib.integrations.requests_client import OAuth2Session

    client = OAuth2Session(
        "app",
        "app-secret",
        token=place.kept(),
        token_endpoint=place.token_url,
        token_endpoint_auth_method="client_secret_post",
        update_token=lambda token, **_: place.keep(token),
    )
    return lambda: int(client.get(place.url + "/data").status_code)


def authlib_async(place: Place) -> AsyncGet:
    from authlib.integrations.httpx_client import AsyncOAuth2Client

    async def update(token: dict[str, Any], **_: Any) -> None:
        place.keep(token)

    client = AsyncOAuth2Client(
        "app",
        "app-secret",
        token=place.kept(),
        token_endpoint=place.token_url,
        token_endpoint_auth_method="client_secret_post",
        update_token=update,
    )

    async def get() -> int:
        return int((await client.get(place.url + "/data")).status_code)

    return get


def google_auth(place: Place) -> Get:
    from google.auth.transport.requests import AuthorizedSession
    from google.oauth2.credentials import Credentials

    token = place.kept()
    client = AuthorizedSession(
        Credentials(
            token["access_token"],
            refresh_token=token["refresh_token"],
            token_uri=place.token_url,
            client_id="app",
            client_secret="app-secret",
            expiry=datetime.datetime(2020, 1, 1),
        )
    )
    return lambda: int(client.get(place.url + "/data").status_code)


SYNC: dict[str, Callable[[Place], Get]] = {
    "rekindle": rekindle_sync,
    "requests-oauthlib": requests_oauthlib,
    "Authlib": authlib_sync,
    "google-auth": google_auth,
}
ASYNC: dict[str, Callable[[Place], AsyncGet]] = {"rekindle": rekindle_async, "Authlib": authlib_async}


def worked(get: Get) -> bool:
    try:
        return get() == 200
    except Exception:
        return False


async def aworked(get: AsyncGet) -> bool:
    try:
        return await get() == 200
    except Exception:
        return False


def in_threads(get: Get, count: int) -> list[bool]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(worked, [get] * count))


def threads(name: str, place: Place) -> list[bool] | None:
    return in_threads(SYNC[name](place), THREADS) if name in SYNC else None


def tasks(name: str, place: Place) -> list[bool] | None:
    if name not in ASYNC:
        return None

    async def run() -> list[bool]:
        get = ASYNC[name](place)
        return list(await asyncio.gather(*(aworked(get) for _ in range(TASKS))))

    return asyncio.run(run())


def two_processes(name: str, place: Place) -> list[bool] | None:
    """Each begins with the credential that is stored, as two workers or two terminals do."""
    if name not in SYNC:
        return None
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(2) as pool:
        found = pool.starmap(process, [(name, place), (name, place)], chunksize=1)
    return [one for many in found for one in many]


def process(name: str, place: Place) -> list[bool]:
    quiet()
    # One caller each: what goes wrong here goes wrong between processes.
    get = SYNC[name](place)
    time.sleep(max(0.0, 0.5 - time.monotonic() % 0.5))
    return [worked(get)] + [worked(get) for _ in range(CALLERS - 1)]


def cancelled_leader(name: str, place: Place) -> list[bool] | None:
    """The one that refreshes gives up half-way, as a web framework's request does whose client has gone."""
    if name not in ASYNC:
        return None

    async def run() -> list[bool]:
        get = ASYNC[name](place)
        leader = asyncio.ensure_future(aworked(get))
        await asyncio.sleep(LATENCY_MS / 2000)
        leader.cancel()
        return list(await asyncio.gather(*(aworked(get) for _ in range(CALLERS))))

    return asyncio.run(run())


def lost_answer(name: str, place: Place) -> list[bool] | None:
    """The refresh is granted, and the connection breaks before its answer has arrived."""
    return in_threads(SYNC[name](place), CALLERS) if name in SYNC else None


CASES: dict[str, Callable[[str, Place], "list[bool] | None"]] = {
    f"{THREADS} threads": threads,
    f"{TASKS} tasks": tasks,
    "two processes": two_processes,
    "cancelled leader": cancelled_leader,
    "lost answer": lost_answer,
}


def cell(name: str, case: str) -> str:
    lost = case == "lost answer"
    rotation: Any = {"grace": {"seconds": 60}} if lost else "strict_family"
    model = {"dialect": "oauth", "rotation": rotation, "token_latency_ms": LATENCY_MS}
    server = TestServer({**model, "lose_answers": 1 if lost else 0})
    try:
        tokens = server.sign_in()
        server.expire_all()
        with tempfile.TemporaryDirectory() as folder:
            ours = "grace:60" if lost else "strict-family"
            place = Place(server.url, tokens, Path(folder) / "token.json", ours)
            found = CASES[case](name, place)
        counters = server.counters()
    finally:
        server.close()
    if found is None:
        return "–"
    failed = sum(not one for one in found)
    alive = "" if counters["families_revoked"] == 0 else ", **signed out**"
    asked, reuses = counters["refresh_requests"], counters["reuses_detected"]
    return f"{asked} / {reuses} / {failed} of {len(found)}{alive}"


def quiet() -> None:
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    warnings.simplefilter("ignore")


def table() -> str:
    names = list(SYNC)
    lines = ["| refresh requests / reuses / failed callers | " + " | ".join(names) + " |"]
    lines.append("|---|" + "---|" * len(names))
    for case in CASES:
        row = [cell(name, case) for name in names]
        lines.append(f"| {case} | " + " | ".join(row) + " |")
        print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="What becomes of a sign-in when many find the token expired.")
    parser.add_argument("--out", type=Path, help="where the table goes, too")
    given = parser.parse_args()
    quiet()
    told = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in SYNC)
    about = (
        "A token has ended, and everybody finds out at once. Refresh requests that the server saw, refresh tokens that "
        "came twice, callers that got no answer. The server revokes the whole sign-in when a refresh token comes twice; "
        "with the lost answer it takes the old one for another minute. – : the library has no such client. No peer "
        "coordinates processes: they share a file that the new token is written to."
    )
    text = f"{about}\n\n{table()}\n\n{told}; CPython {platform.python_version()}\n"
    print(text)
    if given.out:
        given.out.write_text(text)


if __name__ == "__main__":
    main()
