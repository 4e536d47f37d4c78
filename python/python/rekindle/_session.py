"""Sessions. A session keeps one sign-in alive."""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from . import _native
from ._checks import flag, seconds
from ._credential import Credential, Token
from ._redact_tracebacks import aredact_traceback, redact_traceback
from ._ending import AT_EXIT, see_out
from ._errors import InvalidConfig
from ._events import Event, Events
from ._grant import ClientCredentials
from ._host import Host, guard, guard_login
from ._key import SigningKey
from ._refresh import RefreshInput
from ._settings import credential_of, described, given
from ._sign_in_request import BegunSignIn, asked_of, login_host, show_device
from ._store import AsyncStore, FileStore, MemoryStore, Store
from ._listener import of_session
from ._mock import OF_TESTS
from ._transport import Cert, Proxies, Verify
from ._wait import wait_for


if TYPE_CHECKING:
    from typing_extensions import Self

_NativeSession: TypeAlias = _native.Session

@dataclass(frozen=True)
class Status:
    """A snapshot of a session's state, without secrets. Times are in seconds since 1970, durations in seconds."""

    standing: str
    lineage: str | None
    generation: int | None
    expires_at: float | None
    valid: bool
    refreshable: bool
    refresh_token_expires_at: float | None
    refreshed_at: float | None
    backoff: float | None
    failures: int
    persisted: bool
    refreshing: bool
    leased: bool
    waiting: str | None
    """What the refresh in progress is waiting for: `token_endpoint`, `next_try`, `store`, `others_lease`, `others_refresh`,
    `vanished_owner` or `too_soon`."""
    waiting_at_most: float | None
    scope: str | None


class SessionBase:
    """What `Session` and `AsyncSession` have in common: the constructor, and the methods that never wait."""

    __slots__ = ("__weakref__", "_app", "_host", "_native")

    _app: object
    _host: Host
    _native: _NativeSession

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
        access_token: str | None = None,
        refresh_token: str | None = None,
        expires_in: float | None = None,
        expires_at: float | str | datetime | None = None,
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
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        self._host = Host()
        given = credential_of(credential, access_token, refresh_token, expires_in, expires_at)
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
        self._native = _native.Session(
            settings | OF_TESTS.get(),
            credential=None if given is None else given._plain(),
            on_event=of_session(on_event),
        )
        see_out(self)

    @classmethod
    def _of(cls, app: object, native: _NativeSession, host: Host) -> Self:
        """A session of an app. It keeps the app alive, and the app ends it at exit."""
        session = cls.__new__(cls)
        session._app, session._native, session._host = app, native, host
        return session

    def token_if_valid(self) -> Token | None:
        """The token, if a valid one is in memory; otherwise `None`. Never waits."""
        given = self._native.token_if_valid()
        return None if given is None else token_of(given)

    def invalidate(self) -> None:
        """Treats the access token as expired: the next request refreshes it first."""
        self._native.invalidate()

    @property
    def key(self) -> str:
        """The session's key in its app; `default` for a session without an app."""
        return self._native.key()

    @property
    def subject(self) -> str | None:
        """The server's identifier of the user (`sub` of the ID token), if the scope included `openid`; otherwise `None`."""
        return self._native.subject()

    def stats(self) -> dict[str, int]:
        """The counters of events."""
        return self._native.stats()

    def prometheus(self) -> str:
        """The same counters in the Prometheus text format."""
        return self._native.prometheus()

    def events(self) -> Events:
        """The session's events from now on."""
        return Events(self._native.events())

    def _ask(self, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Runs a call that may wait for a token."""
        guard_login(self._native)
        return self._do(call, *args, **options)

    async def _aask(self, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        guard_login(self._native)
        return await self._ado(call, *args, **options)

    @redact_traceback
    def _do(self, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        guard(self._host)
        self._host.loops.forget_closed()
        return call(*args, **options)

    @aredact_traceback
    async def _ado(self, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        guard(self._host)
        self._host.loops.see(asyncio.get_running_loop())
        return await wait_for(call, *args, **options)

    def __repr__(self) -> str:
        return repr(self._native)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a session is not pickled: make one in each process, with the same FileStore")


class Session(SessionBase):
    """Keeps one sign-in alive for all threads, tasks and (with a shared store) processes that use it.

    - `dialect`: the server's protocol: the name of a preset, the path of a dialect file, or a dict with the contents of one.
      Default: `oauth2`.
    - `token_url`: the token endpoint, https or loopback; required unless the dialect has one. `variables`: the values of the
      variables in this URL and in the dialect.
    - `client_id`, and `client_secret` or `client_key`: identify and authenticate the client (RFC 6749 section 2.3, RFC 7523).
    - `client_auth`: how the client authenticates at the token endpoint, if its registration differs from the dialect: `none`,
      `client_secret_basic`, `client_secret_post`, `client_secret_jwt` or `private_key_jwt` (OpenID Connect Core section 9).
    - `dpop_key`: the key that tokens are bound to (DPoP, RFC 9449). A token that the server did not bind to it is refused,
      unless `require_dpop` is False.
    - `access_token`, `refresh_token`, and `expires_in` (seconds from now) or `expires_at` (seconds since 1970, a `datetime`
      with a time zone, or a date as text), or all of these as one `credential`: the initial credential. It is not used if
      the store already has one.
    - `store`: where the credential is stored. Default: in memory.
    - `origins`: the origins that the token may be sent to, besides that of a client's base URL (`https://api.example.com`).
      `insecure_origins`: origins, also of token endpoints, that tokens may be sent to without TLS. Loopback needs no entry.
    - `rotation`: what the server does with a used refresh token, if the dialect leaves this open: `none`, `strict`,
      `strict-family`, `until-successor-used`, `grace:<seconds>`, `sometimes`, `unknown`.
    - `background`: whether tokens are refreshed in the background shortly before they expire. Default: True.
    - `wait_timeout`: how many seconds a caller waits for a token at most (default 30). `send_timeout`: how many seconds one
      token request may take (default 60). `lease`: how many seconds a lease lasts without being renewed, after which other
      processes take over the refresh (default 90).
    - `verify`: the path of a PEM file, or an `ssl.SSLContext`, whose root certificates are trusted in addition to the
      system's. `cert`: the client certificate (mutual TLS): the path of a PEM file, or a pair of paths, certificate and key.
    - `proxies`: the proxy's URL, alone or in a mapping of `all`, `http`, `https`; `False`: no proxy. Default: the proxies of
      `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, or the system's. Loopback never goes through a proxy.
    - `http2`: whether to offer HTTP/2 (default True). `user_agent`: the `User-Agent` header. `connect_timeout`: how many
      seconds connecting may take.
    - `max_idle_connections`: how many idle connections are kept for each host (by each waiting thread); `idle_timeout`: how
      many seconds they are kept (default 90).
    - `max_concurrent_requests`: how many requests of the session's clients may be in progress at once; token requests do not
      count. The settings from `verify` on apply to token requests and to the clients of this session.
    - `client_credentials`: requests tokens for the client itself, without a user (`ClientCredentials`); no initial credential
      is needed.
    - `refresh_with`: your own function to refresh tokens, in place of the dialect's request. It takes a `RefreshInput` and
      returns a `Credential`, and may be async. If it raises, the refresh token counts as possibly used, except for
      `RefreshNotSent` (nothing was sent) and `LoginRequired` (the refresh token is no longer valid).
    - `authorization_url`: the authorization endpoint, where users sign in, if the dialect does not name it. `server`: the
      result of `discover`, which names all endpoints. See `sign_in_with_browser`, `begin_sign_in`, `sign_in_with_device`.
    - `pushed_requests`: whether to use pushed authorization requests (RFC 9126) if the server supports them. Default: True.
    - `login`: a function that signs the user in again when a call would raise LoginRequired. It is called with the session,
      on a separate thread, and runs only once at a time per process, however many calls wait. They wait up to
      `login_timeout` seconds (default 300; 0: not at all) and then continue. The function must not request a token of that
      session before it has signed in: that raises Misuse.
    - `on_event`: called with each `Event`, on a separate thread.

    An invalid option raises `InvalidConfig`, which names the option.

    >>> session = rekindle.Session(
    ...     token_url="https://auth.example.com/oauth/token", client_id="app",
    ...     access_token="AT-1", refresh_token="RT-1", expires_in=900, origins=["https://api.example.com"],
    ... )
    >>> session.token().authorization
    'Bearer AT-1'
    """

    __slots__ = ()

    def token(self, *, min_life: float | None = None) -> Token:
        """A valid access token; waits for a refresh if one is needed. `min_life`: how many seconds it must still be valid."""
        self._host.loops.forget_closed()
        given = self._native.token_if_valid() if min_life is None else None
        return token_of(given or self._ask(self._native.token, life(min_life)))

    def refresh(self) -> Token:
        """Refreshes the token now, or waits for the refresh in progress."""
        return Token(*self._ask(self._native.refresh))

    def force_refresh(self) -> Token:
        """Like `refresh`, but also during a back-off, and once more with a refresh token that the server has rejected."""
        return Token(*self._ask(self._native.force_refresh))

    @redact_traceback
    def sign_in(self, credential: Credential | None = None) -> None:
        """Replaces the session's credential immediately. With `client_credentials` no credential needs to be passed."""
        self._do(self._native.sign_in, given(credential or Credential())._plain())

    def begin_sign_in(self, *, redirect_uri: str, **asked: Any) -> BegunSignIn:
        """Begins a sign-in with an authorization code and PKCE, for a web application: redirect the browser to `.url`, and keep
        `.pending` in the user's server-side session. The keyword arguments are those of `sign_in_with_browser`."""
        return BegunSignIn(*self._do(self._native.begin_sign_in, asked_of(asked, redirect_uri)))

    @redact_traceback
    def finish_sign_in(self, pending: str, callback: str) -> None:
        """Finishes a sign-in with the URL of the callback request (`callback`). A callback that does not belong to this sign-in
        is refused; a code is sent once."""
        self._do(self._native.finish_sign_in, pending, callback)

    def sign_in_with_browser(self, *, open: Callable[[str], object] | None = None, **asked: Any) -> None:
        """Signs in with a browser on this machine, which is redirected to a port on loopback; waits at most five minutes.

        `open` is called with the URL to show; by default the system's browser is opened. The other keyword arguments are
        `scope`, `resource` (texts), `audience`, `prompt`, `login_hint`, `acr_values`, `max_age`, `claims`, `parameters` (a
        dict), and `redirect_uri`, if the client is registered with a fixed port or path.
        """
        self._do(self._native.sign_in_with_browser, asked_of(asked), open)

    def sign_in_with_device(self, *, show: Callable[[str, str, str | None], object] | None = None, **asked: Any) -> None:
        """Signs in on another device (RFC 8628). `show` is called with the URL to open, the code to enter there, and a URL that
        contains the code, or `None`; by default they are printed. The other keyword arguments are `scope`, `audience` and
        `parameters`."""
        self._do(self._native.sign_in_with_device, asked_of(asked), show or show_device)

    @redact_traceback
    def sign_in_with_password(self, username: str, password: str, *, scope: str | None = None) -> None:
        """Signs in with a user name and a password; the dialect must have a section `[password]`."""
        self._do(self._native.sign_in_with_password, username, password, scope)

    def sign_out(self, *, revoke: bool = False) -> bool | None:
        """Signs out: deletes the credential from memory and from the store.

        `revoke`: whether to ask the server to revoke the refresh token, too (RFC 7009). Returns True if it was revoked, False
        if that failed, `None` if the dialect has no revocation endpoint. Unless they are revoked, tokens that were stolen
        earlier stay valid until they expire.
        """
        revoked: bool | None = self._do(self._native.sign_out, flag("revoke", revoke))
        return revoked

    def rebind(self) -> bool:
        """Moves a stored credential to this configuration: another token endpoint or dialect, or more origins, for the same
        client. Returns whether anything had to be changed (rule 7.10)."""
        moved: bool = self._do(self._native.rebind)
        return moved

    def status(self, *, fresh: bool = False) -> Status:
        """The state of the session in memory. `fresh`: read the store first, if that has not happened yet."""
        if flag("fresh", fresh):
            return Status(**self._do(self._native.status, True))
        # This never waits, so a refresh function may call it, too.
        self._host.loops.forget_closed()
        return Status(**self._native.status())

    def extra(self) -> dict[str, str]:
        """The data stored with the tokens: an instance's URL, a user, an ID token. It may be as secret as the tokens.

        It consists of the fields that the dialect keeps of token responses (`answer.keep`) and the `extra` of a `Credential`.
        """
        found: dict[str, str] = self._do(self._native.extra)
        return found

    def shutdown(self, timeout: float = AT_EXIT) -> bool:
        """Waits up to `timeout` seconds until no refresh is in progress and the credential is saved. Returns whether that was
        achieved."""
        return bool(self._do(self._native.shutdown, seconds("timeout", timeout)))


def life(least: float | None) -> float | None:
    return None if least is None else seconds("min_life", least)


def token_of(given: Any) -> Token:
    return Token(*given)
