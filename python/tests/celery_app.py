"""What Celery's parent loads before it forks its workers."""

from __future__ import annotations

import os
from pathlib import Path

from celery_queue import queue
from fork_app import client

app = queue(Path(os.environ["REKINDLE_QUEUE"]))


@app.task(name="fetch")
def fetch() -> tuple[int, int]:
    """The status of an answer, and which worker got it."""
    return client.get("/data").status_code, os.getpid()
