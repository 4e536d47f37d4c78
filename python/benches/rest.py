"""What many sessions of one `App` take: memory of each, and processor time to get one by its key.

`cargo xtask bench python` runs it, in a process of its own.
"""

from __future__ import annotations

import argparse
import gc
import platform
import resource
import time
from pathlib import Path

import rekindle

SESSIONS = 100_000
HOW = (
    "Held by the program, none asked for its token yet, the memory store included. What a session takes is what the "
    "resident memory of the process grows by."
)


def resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def credential(number: int) -> rekindle.Credential:
    return rekindle.Credential(f"at-{number}-{'x' * 32}", f"rt-{number}-{'y' * 32}")


def rows() -> list[str]:
    app = rekindle.App(
        token_url="http://127.0.0.1:9/token",
        client_id="app",
        origins=["https://api.example.com"],
        idle_sessions=2 * SESSIONS,
    )
    # What is made once, the library included, is there before.
    warm = [app.session(f"warm-{number}", credential=credential(number)) for number in range(1_000)]
    keys = [f"user-{number}" for number in range(SESSIONS)]
    before, start = resident(), time.thread_time()
    held = [app.session(key, credential=credential(number)) for number, key in enumerate(keys)]
    made = (time.thread_time() - start) / SESSIONS * 1e6
    each = (resident() - before) / SESSIONS
    scattered = [keys[number * 7_919 % SESSIONS] for number in range(SESSIONS)]
    start = time.thread_time()
    for key in scattered:
        app.session(key)
    found = (time.thread_time() - start) / SESSIONS * 1e6
    assert len(warm) + len(held) == SESSIONS + 1_000
    return [
        row("a session at rest, with its object: 100,000 of one App", each, 3072, "B"),
        row("app.session(key), CPU of a call", found, 5, "µs"),
        f"| app.session(key) for a new key, CPU of a call | {made:.2f} µs | stated |",
    ]


def row(what: str, value: float, aim: float, unit: str) -> str:
    number = f"{value:.0f}" if unit == "B" else f"{value:.2f}"
    return f"| {what} | {number} {unit} | ≤ {aim:.0f} {unit}: {'met' if value <= aim else 'missed'} |"


def main() -> None:
    parser = argparse.ArgumentParser(description="What many sessions of one App take.")
    parser.add_argument("--out", type=Path, help="where the table goes, too")
    given = parser.parse_args()
    table = "\n".join(["| what | measured | aim |", "|---|---:|---|", *rows()])
    print(table)
    if given.out:
        given.out.write_text(f"{HOW}\n\n{table}\n\nCPython {platform.python_version()}, {platform.system()}\n")


if __name__ == "__main__":
    main()
