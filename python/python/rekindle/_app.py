"""Many sessions of one configuration: one for each user."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, NoReturn, TypeVar

from . import _native
from ._checks import seconds, text
from ._credential import Credential
from ._redact_tracebacks import aredact_traceback, redact_traceback
from ._ending import AT_EXIT, see_out
from ._errors import InvalidConfig
from ._events import Event
from ._grant import ClientCredentials
from ._host import Host, guard
from ._key import SigningKey
from ._listener import of_app
from ._mock import OF_TESTS
from ._session import Session, SessionBase
from ._refresh import RefreshInput
from ._settings import described, given
from ._sign_in_request import BegunSignIn, asked_of, login_host
from ._store import AsyncStore, FileStore, MemoryStore, Store
from ._transport import Cert, Proxies, Verify
from ._wait import wait_for

_S = TypeVar("_S", bound=SessionBase)


class AppBase:
    """What `App` and `AsyncApp` have in common."""

    @redact_traceback
    def __init__(
        self,
        *,
        dialect: str | os.PathLike[str] | Mapping[str, Any] = "oauth2",
        token_url: str | None = None,
        authorization_url: str | None = None,
        server: Mapping[str, Any] | None = None,
        pushed_requests: bool = True,
        client_id: str | None = None,
        client_secret: str | None = None,
        client_key: SigningKey | None = None,
        client_auth: str | None = None,
        dpop_key: SigningKey | None = None,
        require_dpop: bool = True,
        store: FileStore | MemoryStore | Store | AsyncStore | None = None,
        origins: Iterable[str] = (),
        insecure_origins: Iterable[str] = (),
        variables: Mapping[str, str] | None = None,
        rotation: str | None = None,
        background: bool = True,
        wait_timeout: float = 30.0,
        send_timeout: float = 60.0,
        lease: float = 90.0,
        verify: Verify = True,
        cert: Cert | None = None,
        proxies: Proxies | None = None,
        http2: bool = True,
        user_agent: str | None = None,
        connect_timeout: float | None = None,
        max_idle_connections: int | None = None,
        idle_timeout: float | None = None,
        max_concurrent_requests: int | None = None,
        client_credentials: ClientCredentials | None = None,
        refresh_with: Callable[[RefreshInput], Any] | Callable[[RefreshInput], Awaitable[Any]] | None = None,
        login: Callable[[Any], object] | None = None,
        login_timeout: float = 300.0,
        idle_sessions: int = 10_000,
        on_event: Callable[[str, Event], object] | None = None,
    ) -> None:
        self._host = Host()
        settings = described(
            self._host,
            dialect=dialect,
            token_url=token_url,
            authorization_url=authorization_url,
            server=server,
            pushed_requests=pushed_requests,
            client_id=client_id,
            client_secret=client_secret,
            client_key=client_key,
            client_auth=client_auth,
            dpop_key=dpop_key,
            require_dpop=require_dpop,
            store=store,
            origins=origins,
            insecure_origins=insecure_origins,
            variables=variables,
            rotation=rotation,
            background=background,
            wait_timeout=wait_timeout,
            send_timeout=send_timeout,
            lease=lease,
            verify=verify,
            cert=cert,
            proxies=proxies,
            http2=http2,
            user_agent=user_agent,
            connect_timeout=connect_timeout,
            max_idle_connections=max_idle_connections,
            idle_timeout=idle_timeout,
            max_concurrent_requests=max_concurrent_requests,
            client_credentials=client_credentials,
            refresh_with=refresh_with,
            login=login_host(login, partial(Session._of, None, host=self._host)),
            login_timeout=login_timeout,
        )
        self._native = _native.App(
            settings | OF_TESTS.get(),
            idle_sessions=_count("idle_sessions", idle_sessions),
            on_event=of_app(on_event),
        )
        self._sessions: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
        see_out(self)

    @redact_traceback
    def _session(self, key: str, credential: Credential | None, kind: type[_S]) -> _S:
        known: _S | None = self._sessions.get(key)
        if known is not None and credential is None:
            return known
        if not isinstance(key, str):
            raise InvalidConfig(f"key must be text, not {type(key).__name__}")
        native = self._native.session(key, None if credential is None else given(credential)._plain())
        made: _S = self._sessions.setdefault(key, kind._of(self, native, self._host))
        return known or made

    @property
    def sessions_in_memory(self) -> int:
        """The number of sessions in memory: those that your code holds, and the most recently used others."""
        return self._native.sessions_in_memory()

    def stats(self) -> dict[str, int]:
        """The counters of events, summed over all sessions, including those that are no longer in memory."""
        return self._native.stats()

    def prometheus(self) -> str:
        """The same counters in the Prometheus text format."""
        return self._native.prometheus()

    @redact_traceback
    def _do(self, call: Callable[..., Any], *args: Any) -> Any:
        guard(self._host)
        self._host.loops.forget_closed()
        return call(*args)

    @aredact_traceback
    async def _ado(self, call: Callable[..., Any], *args: Any) -> Any:
        guard(self._host)
        self._host.loops.see(asyncio.get_running_loop())
        return await wait_for(call, *args)

    def __repr__(self) -> str:
        return repr(self._native)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("an app is not pickled: make one in each process, with the same store")


class App(AppBase):
    """Keeps the sign-ins of many users alive, with one configuration, one transport and one store.

    It takes the options of `Session` except the tokens, which each session has of its own. These options differ:

    - `store`: keeps one record for each key, such as `FileStore.folder(path)` or your own store. Default: in memory.
    - `idle_sessions`: how many sessions that your code no longer holds stay in memory, the most recently used ones first
      (default 10,000). Each takes about 2 KB. The others are loaded from the store when they are needed.
    - `on_event`: called with a session's key and each of its events (`Event`), on a separate thread.

    >>> app = rekindle.App(
    ...     token_url="https://auth.example.com/oauth/token", client_id="app", origins=["https://api.example.com"],
    ... )
    >>> app.session("user-42").sign_in(rekindle.Credential(access_token="AT-1", refresh_token="RT-1"))
    >>> app.session("user-42").token().authorization
    'Bearer AT-1'
    """

    def session(self, key: str, *, credential: Credential | None = None) -> Session:
        """The session for a key; the same key always gives the same session. Reads and sends nothing.

        The key is your own identifier of a user, 1 to 1,024 bytes of text. `credential` is the initial credential, used if
        the store has none for this key.
        """
        return self._session(key, credential, Session)

    def begin_sign_in(self, *, redirect_uri: str, **asked: Any) -> BegunSignIn:
        """Like `Session.begin_sign_in`, for a user whose key is not known yet."""
        return BegunSignIn(*self._do(self._native.begin_sign_in, asked_of(asked, redirect_uri)))

    @redact_traceback
    def finish_sign_in(self, pending: str, callback: str, *, key: str | None = None) -> Session:
        """Like `Session.finish_sign_in`. Returns the session of the user who signed in; its key is `key`, or the server's
        identifier of the user (`sub`) if the scope includes `openid`."""
        return self.session(self._do(self._native.finish_sign_in, pending, callback, text("key", key)))

    def sign_in(self, *, key: str | None = None, open: Callable[[str], object] | None = None, **asked: Any) -> Session:
        """Like `Session.sign_in_with_browser`. Returns the session of the user who signed in; its key is `key` or their `sub`.

        >>> session = app.sign_in(scope="openid email")  # doctest: +SKIP
        """
        return self.session(self._do(self._native.sign_in, asked_of(asked), text("key", key), open))

    def accounts(self) -> list[str]:
        """The keys of all signed-in users, sorted. The store must be able to list its keys: memory and folder stores can."""
        keys: list[str] = self._do(self._native.accounts)
        return keys

    def remove(self, key: str) -> bool | None:
        """Signs the user out and asks the server to revoke the tokens: see `Session.sign_out`."""
        return self.session(key).sign_out(revoke=True)

    @redact_traceback
    def shutdown(self, timeout: float = AT_EXIT) -> bool:
        """Waits up to `timeout` seconds until no session has a refresh in progress or an unsaved credential. Returns whether
        that was achieved."""
        return bool(self._do(self._native.shutdown, seconds("timeout", timeout)))


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidConfig(f"{name} must be a whole number above 0")
    return value
