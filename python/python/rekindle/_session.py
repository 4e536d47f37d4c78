"""A session: one sign-in, kept alive."""

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
    """A look at a session, without a secret. Times are epoch seconds, durations seconds."""

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
    """What a refresh that is under way waits for: `token_endpoint`, `next_try`, `store`, `others_lease`, `others_refresh`,
    `vanished_owner` or `too_soon`."""
    waiting_at_most: float | None
    scope: str | None


class SessionBase:
    """What `Session` and `AsyncSession` have in common: how one is made, and what waits for nothing."""

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
        """One of an app's, which sees to it and lives as long."""
        session = cls.__new__(cls)
        session._app, session._native, session._host = app, native, host
        return session

    def token_if_valid(self) -> Token | None:
        """The token if it can be served at once."""
        given = self._native.token_if_valid()
        return None if given is None else token_of(given)

    def invalidate(self) -> None:
        """As if the access token had expired."""
        self._native.invalidate()

    @property
    def key(self) -> str:
        """Whose session it is: the key that an app was asked for it with."""
        return self._native.key()

    @property
    def subject(self) -> str | None:
        """Who is signed in, by the server's own name for them (`sub` of the ID token), if the scope had `openid`."""
        return self._native.subject()

    def stats(self) -> dict[str, int]:
        """How often things happened."""
        return self._native.stats()

    def prometheus(self) -> str:
        """The same as Prometheus text."""
        return self._native.prometheus()

    def events(self) -> Events:
        """The events from now on."""
        return Events(self._native.events())

    def _ask(self, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Waits for a token."""
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

    - `dialect`: how the server speaks: a preset's name, the path of a dialect file, or a dict of its shape.
    - `token_url`: where tokens are refreshed, https or loopback; needed unless the dialect has one. `variables` fill its
      template and the dialect's.
    - `client_id`, with `client_secret` or `client_key`: who the client is (RFC 6749 section 2.3, RFC 7523).
    - `client_auth`: how it says so to the token endpoint, where the dialect's way is another: `none`,
      `client_secret_basic`, `client_secret_post`, `client_secret_jwt` or `private_key_jwt` (OpenID Connect Core section 9).
    - `dpop_key`: what tokens are bound to (RFC 9449). A token that the server does not bind to it is refused, unless
      `require_dpop` is False.
    - `access_token`, `refresh_token`, and `expires_in` (seconds from now) or `expires_at` (epoch seconds, a `datetime` with a zone, or a date as text); or all that as
      one `credential`: what to begin with. A store that has a credential already wins.
    - `store`: where it is kept. Left out: this process' memory.
    - `origins`: where the token may go, beside a client's base URL (`https://api.example.com`); `insecure_origins`: those,
      and token endpoints, that may be asked without TLS. Loopback always may.
    - `rotation`: of refresh tokens, if the dialect does not know it: `none`, `strict`, `strict-family`,
      `until-successor-used`, `grace:<seconds>`, `sometimes`, `unknown`.
    - `background`: whether a token that is about to end is refreshed before it does.
    - `wait_timeout`, `send_timeout`, `lease`: seconds that a caller waits for a token, that a refresh may take, and that
      another process takes its owner for alive without a sign of life.
    - `verify`: the path of a PEM file, or an `ssl.SSLContext`, whose roots are trusted beside the usual ones. `cert`: the
      client's own certificate (mutual TLS), the path of a PEM file or a pair: certificate and key.
    - `proxies`: a proxy's URL, alone or in a mapping of `all`, `http`, `https`; `False`: none. Left out: the system's, or
      what `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say. Loopback is asked directly.
    - `http2`: whether it is offered; `user_agent`; `connect_timeout`: seconds that a connection may take to come about.
    - `max_idle_connections`: how many connections without a request are kept for each host (of each thread that waits);
      `idle_timeout`: seconds that they are kept, 90 unless told otherwise.
    - `max_concurrent_requests`: how many requests of its clients are under way at once; refreshes never wait for them.
      All these hold for refreshes and for the clients of this session.
    - `client_credentials`: tokens for the client itself, without a user (`ClientCredentials`); it needs no token to begin with.
    - `refresh_with`: a function of your own in place of the dialect's request; `RefreshInput` in, `Credential` out, sync or
      async. Whatever it raises may have spent the refresh token, but for `RefreshNotSent` (nothing was sent) and
      `LoginRequired` (it is dead).
    - `authorization_url`: where users sign in, if the dialect does not say; `server`: what `discover` found, for all
      endpoints at once. See `sign_in_with_browser`, `begin_sign_in`, `sign_in_with_device`.
    - `pushed_requests`: whether authorization requests are pushed to the server where it takes that (RFC 9126).
    - `login`: signs the user in again when a call would raise LoginRequired: called with the session, on a thread of its
      own, once in a process however many calls wait; they wait `login_timeout` seconds (0: not at all) and go on. It must
      not ask that session for a token before: that is Misuse.
    - `on_event`: called with each `Event`, on a thread of its own.

    What makes no sense is an `InvalidConfig` that names the option.

    >>> session = rekindle.Session(
    ...     token_url="https://auth.example.com/oauth/token", client_id="app",
    ...     access_token="AT-1", refresh_token="RT-1", expires_in=900, origins=["https://api.example.com"],
    ... )
    >>> session.token().authorization
    'Bearer AT-1'
    """

    __slots__ = ()

    def token(self, *, min_life: float | None = None) -> Token:
        """A valid access token; waits for a refresh if one is needed."""
        self._host.loops.forget_closed()
        given = self._native.token_if_valid() if min_life is None else None
        return token_of(given or self._ask(self._native.token, life(min_life)))

    def refresh(self) -> Token:
        """Refreshes now, or joins the refresh that is under way."""
        return Token(*self._ask(self._native.refresh))

    def force_refresh(self) -> Token:
        """As `refresh`, even during a back-off, and once more with a refresh token that the server rejected."""
        return Token(*self._ask(self._native.force_refresh))

    @redact_traceback
    def sign_in(self, credential: Credential | None = None) -> None:
        """This credential replaces whatever there is, at once. With `client_credentials` none is needed."""
        self._do(self._native.sign_in, given(credential or Credential())._plain())

    def begin_sign_in(self, *, redirect_uri: str, **asked: Any) -> BegunSignIn:
        """Begins a sign-in with an authorization code and PKCE, for a web application: redirect the browser to `.url`, keep
        `.pending` in the user's server-side session. `asked`: see `sign_in_with_browser`."""
        return BegunSignIn(*self._do(self._native.begin_sign_in, asked_of(asked, redirect_uri)))

    @redact_traceback
    def finish_sign_in(self, pending: str, callback: str) -> None:
        """Ends it with the address that the browser came back with. A callback that is not this sign-in's is refused; its
        code is spent once."""
        self._do(self._native.finish_sign_in, pending, callback)

    def sign_in_with_browser(self, *, open: Callable[[str], object] | None = None, **asked: Any) -> None:
        """Signs in with a browser on this machine, which comes back to a port on loopback; waits five minutes at most.

        `open` gets the address and shows it; left out: the system's browser is opened. `asked`: `scope`, `resource` (texts),
        `audience`, `prompt`, `login_hint`, `acr_values`, `max_age`, `claims`, `parameters` (a dict), and `redirect_uri`, if
        the client is registered with a port or path of its own.
        """
        self._do(self._native.sign_in_with_browser, asked_of(asked), open)

    def sign_in_with_device(self, *, show: Callable[[str, str, str | None], object] | None = None, **asked: Any) -> None:
        """Signs in on another device (RFC 8628): `show` gets the address to go to, the code to type in there, and an address
        that has the code in it, if there is one; left out: they are printed. `asked`: `scope`, `audience`, `parameters`."""
        self._do(self._native.sign_in_with_device, asked_of(asked), show or show_device)

    @redact_traceback
    def sign_in_with_password(self, username: str, password: str, *, scope: str | None = None) -> None:
        """Signs in with a name and a password, at an API of one's own whose dialect has a section `[password]`."""
        self._do(self._native.sign_in_with_password, username, password, scope)

    def sign_out(self, *, revoke: bool = False) -> bool | None:
        """Nothing is served from now on, and the store is wiped.

        `revoke`: the server is asked to revoke the refresh token, too (RFC 7009). True if it did, False if it failed,
        `None` if the dialect has no endpoint for it. Without it, what was stolen before stays valid to its end.
        """
        revoked: bool | None = self._do(self._native.sign_out, flag("revoke", revoke))
        return revoked

    def rebind(self) -> bool:
        """Moves a stored credential to this configuration: another token endpoint of the same client. Whether something
        had to be moved."""
        moved: bool = self._do(self._native.rebind)
        return moved

    def status(self, *, fresh: bool = False) -> Status:
        """How things stand, by memory; `fresh`: the store is read first, if it was not yet."""
        if flag("fresh", fresh):
            return Status(**self._do(self._native.status, True))
        # By memory it waits for nothing, so a refresh function may ask, too.
        self._host.loops.forget_closed()
        return Status(**self._native.status())

    def extra(self) -> dict[str, str]:
        """What came with the tokens beside them: an instance's URL, a user, an ID token. It may be as secret as they are.

        That is what the dialect keeps of an answer (`answer.keep`), and the `extra` of a `Credential`.
        """
        found: dict[str, str] = self._do(self._native.extra)
        return found

    def shutdown(self, timeout: float = AT_EXIT) -> bool:
        """Waits for a refresh under way and an unsaved credential; whether nothing is left."""
        return bool(self._do(self._native.shutdown, seconds("timeout", timeout)))


def life(least: float | None) -> float | None:
    return None if least is None else seconds("min_life", least)


def token_of(given: Any) -> Token:
    return Token(*given)
