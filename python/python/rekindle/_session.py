"""A session: one sign-in, kept alive."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import time
import weakref
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from . import _native
from ._arguments import flag, seconds, text, texts
from ._credential import Credential, Token
from ._discreet import adiscreet, discreet
from ._errors import InvalidConfig
from ._events import Event, Events
from ._host import Host, RefreshHost, StoreHost, guard
from ._key import SigningKey
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
    leased: bool
    scope: str | None


class Session:
    """Keeps one sign-in alive for all threads, tasks and (with a shared store) processes that use it.

    - `dialect`: how the server speaks: a preset's name, the path of a dialect file, or a dict of its shape.
    - `token_url`: where tokens are refreshed, https or loopback; needed unless the dialect has one. `variables` fill its
      template and the dialect's.
    - `client_id`, with `client_secret` or `client_key`: who the client is (RFC 6749 section 2.3, RFC 7523).
    - `dpop_key`: what tokens are bound to (RFC 9449).
    - `access_token`, `refresh_token`, and `expires_in` (seconds from now) or `expires_at` (epoch seconds); or all that as
      one `credential`: what to begin with. A store that has a credential already wins.
    - `store`: where it is kept. Left out: this process' memory.
    - `origins`: where the token may go, beside a client's base URL (`https://api.example.com`); `insecure_origins`: those,
      and token endpoints, that may be asked without TLS. Loopback always may.
    - `rotation`: of refresh tokens, if the dialect does not know it: `none`, `strict`, `strict-family`,
      `until-successor-used`, `grace:<seconds>`, `sometimes`, `unknown`.
    - `background`: whether a token that is about to end is refreshed before it does.
    - `wait_timeout`, `send_timeout`, `lease`: seconds that a caller waits for a token, that a refresh may take, and that
      another process takes its owner for alive without a sign of life.
    - `refresh_with`: a function of your own in place of the dialect's request; `Spend` in, `Credential` out, sync or async.
    - `on_event`: called with each `Event`, on a thread of its own.

    What makes no sense is an `InvalidConfig` that names the option.

    >>> session = rekindle.Session(
    ...     token_url="https://auth.example.com/oauth/token", client_id="app",
    ...     access_token="AT-1", refresh_token="RT-1", expires_in=900, origins=["https://api.example.com"],
    ... )
    >>> session.token().authorization
    'Bearer AT-1'
    """

    _of_tests: Mapping[str, Any] = {}
    """What `rekindle.testing.session` puts in: a clock."""

    @discreet
    def __init__(
        self,
        *,
        dialect: str | os.PathLike[str] | Mapping[str, Any] = "oauth2",
        token_url: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        client_key: SigningKey | None = None,
        dpop_key: SigningKey | None = None,
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
            "token_url": text("token_url", token_url),
            "client_id": text("client_id", client_id),
            "client_secret": text("client_secret", client_secret),
            "client_key": _key("client_key", client_key),
            "dpop_key": _key("dpop_key", dpop_key),
            "rotation": text("rotation", rotation),
            "wait_timeout": seconds("wait_timeout", wait_timeout),
            "send_timeout": seconds("send_timeout", send_timeout),
            "lease": seconds("lease", lease),
            "background": flag("background", background),
        }
        self._native = _native.Session(
            dialect=name,
            dialect_json=as_json,
            settings={key: value for key, value in settings.items() if value is not None},
            credential=None if given is None else given._plain(),
            variables=_variables(variables),
            origins=texts("origins", origins),
            insecure_origins=texts("insecure_origins", insecure_origins),
            store_path=store.path if isinstance(store, FileStore) else None,
            store_host=_store(self._host, store),
            refresh_host=_refresh(self._host, refresh_with),
            on_event=_listener(on_event),
            **self._of_tests,
        )
        weakref.finalize(self, _linger, self._native, self._host).atexit = False
        _LIVE.add(self)

    def token(self, *, min_life: float | None = None) -> Token:
        """A valid access token; waits for a refresh if one is needed."""
        given = self._native.token_if_valid() if min_life is None else None
        return _token(given or self._do(self._native.token, _life(min_life)))

    async def atoken(self, *, min_life: float | None = None) -> Token:
        """As `token`, without blocking the loop."""
        given = self._native.token_if_valid() if min_life is None else None
        return _token(given or await self._ado(self._native.token, _life(min_life)))

    def token_if_valid(self) -> Token | None:
        """The token if it can be served at once."""
        given = self._native.token_if_valid()
        return None if given is None else _token(given)

    def refresh(self, *, force: bool = False) -> Token:
        """Refreshes now; with `force` also through back-off, and once where the refresh token was found dead."""
        return Token(*self._do(self._native.refresh, flag("force", force)))

    async def arefresh(self, *, force: bool = False) -> Token:
        """As `refresh`, without blocking the loop."""
        return Token(*await self._ado(self._native.refresh, flag("force", force)))

    def invalidate(self) -> None:
        """As if the access token had expired."""
        self._native.invalidate()

    @discreet
    def sign_in(self, credential: Credential) -> None:
        """This credential replaces whatever there is, at once."""
        self._do(self._native.sign_in, _given(credential)._plain())

    @adiscreet
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
        return Status(**self._do(self._native.status, flag("fresh", fresh)))

    async def astatus(self, *, fresh: bool = False) -> Status:
        """As `status`, without blocking the loop."""
        # From memory it is there at once, and nothing is awaited.
        return Status(**await self._ado(self._native.status, True)) if flag("fresh", fresh) else self.status()

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
        return bool(self._do(self._native.shutdown, seconds("timeout", timeout)))

    async def ashutdown(self, *, timeout: float = _AT_EXIT) -> bool:
        """As `shutdown`, without blocking the loop."""
        return bool(await self._ado(self._native.shutdown, seconds("timeout", timeout)))

    @discreet
    def _do(self, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        guard(self._host)
        self._host.loops.forget_closed()
        return call(*args, **options)

    @adiscreet
    async def _ado(self, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        guard(self._host)
        self._host.loops.see(asyncio.get_running_loop())
        return await beside(call, *args, **options)

    def __repr__(self) -> str:
        return repr(self._native)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a Session is not pickled: make one in each process, with the same FileStore")


_LIVE: weakref.WeakSet[Session] = weakref.WeakSet()

_LINGERING: list[tuple[_native.Session, Host]] = []
"""Of sessions that nobody holds any more, those with something under way or unsaved."""


def _linger(native: _native.Session, host: Host) -> None:
    _LINGERING[:] = [one for one in _LINGERING if not one[0].is_settled()]
    if not native.is_settled():
        _LINGERING.append((native, host))


@atexit.register
def _end() -> None:
    """Waits for a refresh under way and an unsaved credential, for all sessions together so long at most."""
    until = time.monotonic() + _AT_EXIT
    for native, host in _all():
        if not native.is_settled():
            host.loops.end()
            native.shutdown(max(until - time.monotonic(), 0.01))
    _native.end()


def _all() -> list[tuple[_native.Session, Host]]:
    return [(one._native, one._host) for one in list(_LIVE)] + _LINGERING


def _forked() -> None:
    _native.after_fork_in_child()
    for _, host in _all():
        host.forget_loop()
    # The parent sees to them.
    _LINGERING.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_native.before_fork,
        after_in_parent=_native.after_fork_in_parent,
        after_in_child=_forked,
    )


def _key(name: str, key: object) -> _native.SigningKey | None:
    if key is None or isinstance(key, SigningKey):
        return None if key is None else key._native
    raise InvalidConfig(f"{name} must be a rekindle.SigningKey, not {type(key).__name__}")


def _life(least: float | None) -> float | None:
    return None if least is None else seconds("min_life", least)


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
        raise InvalidConfig(f"credential must be a rekindle.Credential, not {type(credential).__name__}")
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
    raise InvalidConfig(f"dialect must be a name, a path or a dict, not {type(dialect).__name__}")


def _variables(values: object) -> dict[str, str]:
    if values is None:
        return {}
    if not isinstance(values, Mapping) or not all(isinstance(one, str) for pair in values.items() for one in pair):
        raise InvalidConfig("variables must be a mapping of texts to texts")
    return dict(values)


def _store(host: Host, store: Any) -> tuple[StoreHost, str | None, bool, bool] | None:
    if store is None or isinstance(store, (FileStore, MemoryStore)):
        return None
    for name in ("load", "save"):
        if not callable(getattr(store, name, None)):
            raise InvalidConfig(f"store must have {name}(), and {type(store).__name__} has none")
    identity, shared = getattr(store, "identity", None), getattr(store, "shared", True)
    owners = all(callable(getattr(store, name, None)) for name in ("announce", "retire", "owner"))
    return StoreHost(host, store), text("store.identity", identity), bool(shared), owners


def _refresh(host: Host, function: Any) -> RefreshHost | None:
    if function is None:
        return None
    if not callable(function):
        raise InvalidConfig(f"refresh_with must be callable, and {type(function).__name__} is not")
    return RefreshHost(host, function, Spend)


def _listener(call: Any) -> Callable[[dict[str, Any]], object] | None:
    if call is None:
        return None
    if not callable(call):
        raise InvalidConfig(f"on_event must be callable, and {type(call).__name__} is not")
    return lambda facts: call(Event(facts))
