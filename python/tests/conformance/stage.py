"""Where a case is played: its servers, its clock, its store and its sessions."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import rekindle
import rekindle.testing

from . import results
from .port import Port, Tasks, Threads
from .refresh import Script
from .store import AsyncScripted, Life, Scripted, Shelf
from .through import SYNC, THROUGH

Kind = Literal["Client", "AsyncClient", "httpx", "httpx-async", "requests", "aiohttp"]


class BadCase(Exception):
    """The case itself is wrong."""


@dataclass
class Kept:
    """A session with what was heard of it."""

    session: rekindle.Session
    port: Port
    life: Life
    heard: list[rekindle.Event]


@dataclass
class Stage:
    """One case on its stage."""

    kind: Kind
    case: dict[str, Any]
    folder: Path
    server: rekindle.testing.TestServer = field(init=False)
    other: rekindle.testing.TestServer | None = None
    clock: rekindle.testing.ManualClock = field(default_factory=rekindle.testing.ManualClock)
    shelf: Shelf = field(default_factory=Shelf)
    sessions: dict[str, Kept] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server = _start(self.case.get("server"))
        names = {"{server}": self.server.url}
        if self.case.get("other") is not None:
            self.other = _start(self.case["other"])
            names["{other}"] = self.other.url
        self.case = _named(self.case, names)
        self.server.script(*self._steps("server"))
        if self.other is not None:
            self.other.script(*self._steps("other"))

    def _steps(self, name: str) -> list[dict[str, Any]]:
        steps: list[dict[str, Any]] = (self.case.get(name) or {}).get("steps", [])
        return steps

    def close(self) -> None:
        for server in (self.server, self.other):
            if server is not None:
                server.close()

    def make(self, name: str, given: dict[str, Any]) -> None:
        """A session of the case's settings and these."""
        spec = {"token_url": self.server.url + "/token", **self.case.get("session", {}), **_named(given, {})}
        life, heard = Life(), list[rekindle.Event]()
        script = Script(spec["refresh_with"]) if "refresh_with" in spec else None
        settings = self._settings(spec, life, script)
        session = rekindle.testing.session(
            self.clock, alone=not spec.get("same_process", False), on_event=heard.append, **settings
        )
        if script is not None:
            script.session = session
        self.sessions[name] = Kept(session, self._port(session, spec.get("client", {})), life, heard)

    def session(self, name: str) -> Kept:
        if name not in self.sessions:
            raise BadCase(f"there is no session `{name}`")
        return self.sessions[name]

    @property
    def path(self) -> Path:
        return self.folder / "session.json"

    def complain(self, complaint: str | None) -> None:
        if complaint is not None:
            self.complaints.append(complaint)

    def heard(self, kept: Kept) -> list[dict[str, Any]]:
        return [results.event(self.complain, event) for event in list(kept.heard)]

    def usual(self) -> rekindle.Credential:
        """The model's sign-in, or `AT-1` and `RT-1`."""
        if "auth" not in (self.case.get("server") or {}):
            return rekindle.Credential(access_token="AT-1", refresh_token="RT-1")
        tokens = self.server.sign_in()
        return rekindle.Credential(access_token=tokens["access_token"], refresh_token=tokens["refresh_token"])

    def _settings(self, spec: dict[str, Any], life: Life, script: Script | None) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "dialect": self._dialect(spec.get("dialect", "oauth2")),
            "origins": spec.get("origins", [self.server.url]),
            "client_id": spec.get("client_id", "app"),
            "credential": self._credential(spec),
            "store": self._store(spec.get("store", "memory"), life),
        }
        plain = ("token_url", "client_secret", "client_auth", "variables", "insecure_origins", "background")
        settings |= {name: spec[name] for name in plain if name in spec}
        limits = (("wait_ms", "wait_timeout"), ("send_ms", "send_timeout"), ("lease_ms", "lease"))
        settings |= {name: spec[ms] / 1000 for ms, name in limits if ms in spec}
        if "rotation" in spec:
            settings["rotation"] = _rotation(spec["rotation"])
        if "client_credentials" in spec:
            settings["client_credentials"] = rekindle.ClientCredentials(**spec["client_credentials"])
        if script is not None:
            settings["refresh_with"] = script.sync if self.kind in SYNC else script.awaited
        return settings

    def _dialect(self, written: Any) -> Any:
        if isinstance(written, str):
            return written
        path = self.folder / "dialect.toml"
        path.write_text(written["toml"])
        return path

    def _credential(self, spec: dict[str, Any]) -> rekindle.Credential | None:
        written = spec.get("credential")
        if written is False:
            return None
        return self.usual() if written is None else credential(written)

    def _store(self, kind: str, life: Life) -> Any:
        match kind:
            case "file":
                return rekindle.FileStore(self.path)
            case "scripted":
                return (Scripted if self.kind in SYNC else AsyncScripted)(self.shelf, life)
            case _:
                return None

    def _port(self, session: rekindle.Session, spec: dict[str, Any]) -> Port:
        given: dict[str, Any] = {"base_url": self.server.url, "headers": spec.get("headers")}
        names = ("max_sends", "max_redirects", "graphql_path")
        given |= {name: spec[name] for name in names if name in spec}
        if "timeout_ms" in spec:
            given["timeout"] = spec["timeout_ms"] / 1000
        if self.kind in THROUGH:
            return cast(Port, THROUGH[self.kind](session, self.server.url))
        if self.kind == "Client":
            return Threads(session, rekindle.Client(session, **given))
        return Tasks(session, rekindle.AsyncClient(session, **given))

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """A control request, beside the loop."""
        return await asyncio.to_thread(self.server.control, method, path, body)

    def model(self) -> None:
        if "auth" not in (self.case.get("server") or {}):
            raise BadCase("there is no model: give server.auth")


def credential(written: dict[str, Any]) -> rekindle.Credential:
    given = dict(written)
    at = given.pop("expires_at_ms", None)
    return rekindle.Credential(**given, expires_at=None if at is None else at / 1000)


def _start(spec: dict[str, Any] | None) -> rekindle.testing.TestServer:
    auth = (spec or {}).get("auth")
    return rekindle.testing.TestServer(None if auth is None else {"token_prefix": "SECRET-", **auth})


def _rotation(written: Any) -> str:
    return written if isinstance(written, str) else f"grace:{written['grace_seconds']}"


def _named(value: Any, names: dict[str, str]) -> Any:
    """Puts the servers' addresses where their names stand."""
    if isinstance(value, str):
        for name, url in names.items():
            value = value.replace(name, url)
        return value
    if isinstance(value, list):
        return [_named(one, names) for one in value]
    if isinstance(value, dict):
        return {name: _named(one, names) for name, one in value.items()}
    return value
