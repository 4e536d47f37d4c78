"""What gunicorn preloads, and Celery's workers inherit: a client that has been used before the fork."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

import rekindle

setup = json.loads(os.environ["REKINDLE_FORK_APP"])
session = rekindle.Session(
    token_url=setup["url"] + "/oauth/token",
    client_id="app",
    client_secret="app-secret",
    access_token=setup["access_token"],
    refresh_token=setup["refresh_token"],
    origins=[setup["url"]],
    store=rekindle.FileStore(setup["store"]),
)
client = rekindle.Client(session, base_url=setup["url"])
client.get("/data").raise_for_status()


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Asks the API, and says which worker did."""
    answer = client.get(environ["PATH_INFO"])
    start_response(f"{answer.status_code} .", [("content-type", "text/plain")])
    return [str(os.getpid()).encode()]
