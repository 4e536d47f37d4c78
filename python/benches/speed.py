"""How much of the client's processor a request takes: ours, and the peers'.

`cargo xtask bench python` runs it. Every contestant lives in a process of its own; they take turns, round by round,
at one server, and each figure is a median over the rounds: what else the machine does falls on all of them.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from contestants import MODES, work_of

AIMS = {
    "sync-1": [(("primp",), 1.1), (("requests-oauthlib",), 0.12), (("Authlib",), 0.12)],
    "sync-64": [(("primp",), 1.1), (("requests-oauthlib",), 0.12), (("Authlib",), 0.12)],
    "async-64": [(("wreq", "pyreqwest"), 1.1), (("Authlib",), 0.1)],
}
TITLES = {"sync-1": "Sync, one thread", "sync-64": "Sync, 64 threads", "async-64": "asyncio, 64 tasks"}
# Enough of them for the fast ones, not too many for the slow ones: what one round takes at most, in requests.
ROUND = {"sync-1": 640, "sync-64": 1280, "async-64": 1280}
SLOW = {"httpx", "requests", "requests-oauthlib", "Authlib"}
DECLARATION = (
    "Processor time of the client, per request; on loopback, where a server answers at once. In real life the server's "
    "time and the network's dominate, and no client makes those shorter: this is about how many requests a core can "
    "handle, not about how long one takes."
)


class Contestant:
    """A process that makes requests when it is told to."""

    def __init__(self, name: str, mode: str, url: str) -> None:
        self.name = name
        command = [sys.executable, __file__, "--contestant", name, "--mode", mode, "--url", url]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.rounds: list[tuple[float, float]] = []

    def run(self, count: int) -> tuple[float, float]:
        """Seconds of wall and of processor for each request."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended: see above")
        wall, cpu = json.loads(line)
        return wall / count, cpu / count

    def end(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def contestant(name: str, mode: str, url: str) -> None:
    """The other side of `Contestant`."""
    work = work_of(name, mode, url)
    for line in sys.stdin:
        count = int(line)
        began, cpu = time.monotonic(), processor()
        work(count)
        took = [time.monotonic() - began, processor() - cpu]
        print(json.dumps(took), flush=True)


def processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measured(mode: str, url: str, rounds: int, only: set[str]) -> list[Contestant]:
    names = [name for name in MODES[mode] if not only or name in only or name == "rekindle"]
    contestants = [Contestant(name, mode, url) for name in names]
    counts = {one.name: ROUND[mode] // (4 if one.name in SLOW else 1) // 64 * 64 for one in contestants}
    try:
        for one in contestants:
            one.run(counts[one.name])
        for turn in range(rounds):
            first = turn % len(contestants)
            for one in contestants[first:] + contestants[:first]:
                one.rounds.append(one.run(counts[one.name]))
    finally:
        for one in contestants:
            one.end()
    return contestants


def ratio(ours: Contestant, theirs: Contestant) -> float:
    return statistics.median(a[1] / b[1] for a, b in zip(ours.rounds, theirs.rounds, strict=True))


def table(mode: str, contestants: list[Contestant]) -> str:
    ours = contestants[0]
    lines = [
        f"### {TITLES[mode]}",
        "",
        "| client | CPU per request | requests/s | our CPU to its | aim |",
        "|---|---:|---:|---:|---|",
    ]
    aims = judged(mode, contestants)
    for one in contestants:
        cpu = statistics.median(cpu for _, cpu in one.rounds) * 1e6
        rate = 1 / statistics.median(wall for wall, _ in one.rounds)
        to = "" if one is ours else f"{ratio(ours, one):.2f}×"
        lines.append(f"| {one.name} | {cpu:.0f} µs | {rate:,.0f} | {to} | {aims.get(one.name, '')} |")
    return "\n".join(lines)


def judged(mode: str, contestants: list[Contestant]) -> dict[str, str]:
    known = {one.name: one for one in contestants}
    verdicts = {}
    for names, aim in AIMS[mode]:
        there = [known[name] for name in names if name in known]
        if there:
            best = max(there, key=lambda one: ratio(contestants[0], one))
            found = ratio(contestants[0], best)
            verdicts[best.name] = f"≤ {aim}×: " + ("met" if found <= aim else "**missed**")
    return verdicts


def versions() -> str:
    names = ["rekindle", "primp", "pyreqwest", "wreq", "aiohttp", "httpx", "requests", "requests-oauthlib", "Authlib"]
    told = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return f"{told}; CPython {platform.python_version()}, {platform.system()} {platform.machine()}"


def main() -> None:
    parser = argparse.ArgumentParser(description="How much of the client's processor a request takes.")
    parser.add_argument("--server", help="the program whose word `serve` starts the server")
    parser.add_argument("--quick", action="store_true", help="a third of the rounds")
    parser.add_argument("--mode", choices=list(MODES), help="only this one")
    parser.add_argument("--only", nargs="*", default=[], help="only us and these")
    parser.add_argument("--out", type=Path, help="where the table goes, too")
    parser.add_argument("--contestant", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.contestant:
        return contestant(given.contestant, given.mode, given.url)
    rounds = 8 if given.quick else 24
    server = subprocess.Popen([given.server, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin is not None and server.stdout is not None
    url = server.stdout.readline().strip()
    parts: list[str] = []
    try:
        for mode in [given.mode] if given.mode else list(MODES):
            parts.append(table(mode, measured(mode, url, rounds, set(given.only))))
            print(parts[-1] + "\n", flush=True)
    finally:
        server.stdin.close()
        server.wait()
        server.stdout.close()
    if given.out:
        given.out.write_text(report(parts, rounds))


def report(parts: list[str], rounds: int) -> str:
    how = f"GET of 1 KB of JSON over kept connections; medians of {rounds} rounds in which all took turns."
    return "\n\n".join([f"{DECLARATION} {how}", *parts, versions()]) + "\n"


if __name__ == "__main__":
    main()
