"""Celery with its tasks and their results in files: nothing else needs to run."""

from __future__ import annotations

from pathlib import Path

from celery import Celery


def queue(folder: Path) -> Celery:
    """For a worker, and for whoever gives it tasks."""
    app = Celery(broker="filesystem://", backend=f"file://{folder}")
    places = dict.fromkeys(["data_folder_in", "data_folder_out", "control_folder"], str(folder))
    app.conf.broker_transport_options = {**places, "polling_interval": 0.02}
    app.conf.worker_prefetch_multiplier = 1
    return app
