"""A session: one sign-in, kept alive."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import weakref
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from . import _native
from ._credential import Credential, Token
from ._errors import InvalidConfig
from ._events import Event, Events
from ._host import Host, RefreshHost, StoreHost, guard
from ._store import AsyncStore, FileStore, MemoryStore, Store
from ._wait import beside

_AT_EXIT = 5.0
_T = TypeVar("_T")


@dataclass(frozen=True)
class Spend:
    """What a refresh function works with. The refresh token must not be sent twice."""

    refresh_token: str = field(repr=False)
    scope: str | None
    extra: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Status:
    """A look at a session, without a secret. Times are epoch seconds, durations seconds."""

    standing: str
    lineage: str | None
    generation: int | None
    expires_at: float | None
    valid: bool
    refreshable: bool
    refreshed_at: float | None
    backoff: float | None
    failures: int
    persisted: bool
    refreshing: bool
    scope: str | None


class Session:
    """Keeps one sign-in alive for all threads, tasks and (with a shared store) processes that use it."""

    def __init__(
        self,
        *,
        dialect: str | os.PathLike[str] | Mapping[str, Any] = "oauth2",
        token_url: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        access_token: str | None = None,
        refresh_token: str | None = None,
        expires_in: float | None = None,
        expires_at: float | None = None,
        credential: Credential | None = None,
        store: FileStore | MemoryStore | Store | AsyncStore | None = None,
        origins: Iterable[str] = (),
        insecure_origins: Iterable[str] = (),
        variables: Mapping[str, str] | None = None,
        rotation: str | None = None,
        background: bool = True,
        wait_timeout: float = 30.0,
        send_timeout: float = 60.0,
        lease: float = 90.0,
        refresh_with: Callable[[Spend], Any] | Callable[[Spend], Awaitable[Any]] | None = None,
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        self._host = Host()
        given = _credential(credential, access_token, refresh_token, expires_in, expires_at)
        name, as_json = _dialect(dialect)
        settings = {
            "token_url": _text("token_url", token_url),
            "client_id": _text("client_id", client_id),
            "client_secret": _text("client_secret", client_secret),
            "rotation": _text("rotation", rotation),
            "wait_timeout": _seconds("wait_timeout", wait_timeout),
            "send_timeout": _seconds("send_timeout", send_timeout),
            "lease": _seconds("lease", lease),
            "background": bool(background),
        }
        self._native = _native.Session(
            dialect=name,
            dialect_json=as_json,
            settings={key: value for key, value in settings.items() if value is not None},
            credential=None if given is None else given._plain(),
            variables={str(key): str(value) for key, value in (variables or {}).items()},
            origins=_texts("origins", origins),
            insecure_origins=_texts("insecure_origins", insecure_origins),
            store_path=store.path if isinstance(store, FileStore) else None,
            store_host=_store(self._host, store),
            refresh_host=_refresh(self._host, refresh_with),
            on_event=_listener(on_event),
        )
        _LIVE.add(self)

    def token(self, *, min_life: float | None = None) -> Token:
        """A valid access token; waits for a refresh if one is needed."""
        given = self._native.token_if_valid() if min_life is None else None
        return _token(given or self._do(self._native.token, min_life))

    async def atoken(self, *, min_life: float | None = None) -> Token:
        """As `token`, without blocking the loop."""
        given = self._native.token_if_valid() if min_life is None else None
        return _token(given or await self._ado(self._native.token, min_life))

    def token_if_valid(self) -> Token | None:
        """The token if it can be served at once."""
        given = self._native.token_if_valid()
        return None if given is None else _token(given)

    def refresh(self, *, force: bool = False) -> Token:
        """Refreshes now; with `force` also through back-off, and once where the refresh token was found dead."""
        return Token(*self._do(self._native.refresh, force))

    async def arefresh(self, *, force: bool = False) -> Token:
        """As `refresh`, without blocking the loop."""
        return Token(*await self._ado(self._native.refresh, force))

    def invalidate(self) -> None:
        """As if the access token had expired."""
        self._native.invalidate()

    def sign_in(self, credential: Credential) -> None:
        """This credential replaces whatever there is, at once."""
        self._do(self._native.sign_in, _given(credential)._plain())

    async def asign_in(self, credential: Credential) -> None:
        """As `sign_in`, without blocking the loop."""
        await self._ado(self._native.sign_in, _given(credential)._plain())

    def sign_out(self) -> None:
        """Nothing is served from now on, and the store is wiped."""
        self._do(self._native.sign_out)

    async def asign_out(self) -> None:
        """As `sign_out`, without blocking the loop."""
        await self._ado(self._native.sign_out)

    def status(self, *, fresh: bool = False) -> Status:
        """How things stand, by memory; `fresh`: the store is read first, if it was not yet."""
        return Status(**(self._do(self._native.status, fresh)))

    def stats(self) -> dict[str, int]:
        """How often things happened."""
        return self._native.stats()

    def prometheus(self) -> str:
        """The same as Prometheus text."""
        return self._native.prometheus()

    def events(self) -> Events:
        """The events from now on."""
        return Events(self._native.events())

    def shutdown(self, *, timeout: float = _AT_EXIT) -> bool:
        """Waits for a refresh under way and an unsaved credential; whether nothing is left."""
        return bool(self._native.shutdown(timeout))

    async def ashutdown(self, *, timeout: float = _AT_EXIT) -> bool:
        """As `shutdown`, without blocking the loop."""
        return bool(await self._ado(self._native.shutdown, timeout))

    def _do(self, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        guard(self._host)
        return call(*args, **options)

    async def _ado(self, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        guard(self._host)
        self._host.see(asyncio.get_running_loop())
        return await beside(call, *args, **options)

    def __repr__(self) -> str:
        return repr(self._native)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a Session is not pickled: make one in each process, with the same FileStore")


_LIVE: weakref.WeakSet[Session] = weakref.WeakSet()


@atexit.register
def _end() -> None:
    for session in list(_LIVE):
        session.shutdown()


def _forked() -> None:
    _native.after_fork_in_child()
    for session in list(_LIVE):
        session._host.forget_loop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_native.before_fork,
        after_in_parent=_native.after_fork_in_parent,
        after_in_child=_forked,
    )


def _token(given: Any) -> Token:
    return Token(*given)


def _credential(
    credential: Credential | None,
    access_token: str | None,
    refresh_token: str | None,
    expires_in: float | None,
    expires_at: float | None,
) -> Credential | None:
    parts = (access_token, refresh_token, expires_in, expires_at)
    if credential is not None:
        if any(part is not None for part in parts):
            raise InvalidConfig("credential is given, and single tokens or times too: give one or the other")
        return _given(credential)
    return None if all(part is None for part in parts) else Credential(*parts)


def _given(credential: object) -> Credential:
    if not isinstance(credential, Credential):
        raise InvalidConfig(f"credential must be a rekindle.Credential, not a {type(credential).__name__}")
    return credential


def _dialect(dialect: object) -> tuple[str, bool]:
    if isinstance(dialect, Mapping):
        try:
            return json.dumps(dict(dialect)), True
        except (TypeError, ValueError):
            raise InvalidConfig("dialect holds what JSON cannot say: use text, numbers, lists, dicts") from None
    if isinstance(dialect, str):
        return dialect, False
    if isinstance(dialect, os.PathLike):
        # A path is told from a preset by its slash.
        return os.path.abspath(os.fspath(dialect)), False
    raise InvalidConfig(f"dialect must be a name, a path or a dict, not a {type(dialect).__name__}")


def _text(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise InvalidConfig(f"{name} must be text, not a {type(value).__name__}")


def _texts(name: str, values: object) -> list[str]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidConfig(f"{name} must be a list of texts, not a {type(values).__name__}")
    texts = list(values)
    if not all(isinstance(one, str) for one in texts):
        raise InvalidConfig(f"{name} must hold only texts")
    return texts


def _seconds(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise InvalidConfig(f"{name} must be a number of seconds above 0")
    return float(value)


def _store(host: Host, store: Any) -> tuple[StoreHost, str | None, bool] | None:
    if store is None or isinstance(store, (FileStore, MemoryStore)):
        return None
    for name in ("load", "save"):
        if not callable(getattr(store, name, None)):
            raise InvalidConfig(f"store must have {name}(), and a {type(store).__name__} has none")
    identity, shared = getattr(store, "identity", None), getattr(store, "shared", True)
    return StoreHost(host, store), _text("store.identity", identity), bool(shared)


def _refresh(host: Host, function: Any) -> RefreshHost | None:
    if function is None:
        return None
    if not callable(function):
        raise InvalidConfig(f"refresh_with must be callable, and a {type(function).__name__} is not")
    return RefreshHost(host, function, Spend)


def _listener(call: Any) -> Callable[[dict[str, Any]], object] | None:
    if call is None:
        return None
    if not callable(call):
        raise InvalidConfig(f"on_event must be callable, and a {type(call).__name__} is not")
    return lambda facts: call(Event(facts))
