"""A session for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ._checks import flag, seconds
from ._credential import Credential, Token
from ._ending import AT_EXIT
from ._errors import InvalidConfig
from ._redact_tracebacks import aredact_traceback
from ._session import Session, SessionBase, Status, life, token_of
from ._settings import given
from ._sign_in_request import BegunSignIn, asked_of, show_device


class AsyncSession(SessionBase):
    """`Session` for asyncio and uvloop, with the same options. Methods that may wait are coroutines.

    It may be used in any number of tasks, and in several event loops one after the other. `AsyncSession.of(session)` makes
    an `AsyncSession` from a `Session`, and `to_sync` a `Session` from this one; they share tokens and refreshes.

    >>> session = rekindle.AsyncSession(
    ...     token_url="https://auth.example.com/oauth/token", client_id="app", access_token="AT-1", refresh_token="RT-1",
    ... )
    >>> asyncio.run(session.token()).authorization
    'Bearer AT-1'
    """

    __slots__ = ()

    @classmethod
    def of(cls, session: Session) -> AsyncSession:
        """The same session for use in tasks."""
        if not isinstance(session, SessionBase):
            raise InvalidConfig(f"session must be a rekindle.Session, not {type(session).__name__}")
        return cls._of(session, session._native, session._host)

    def to_sync(self) -> Session:
        """The same session for use in threads."""
        return Session._of(self, self._native, self._host)

    async def token(self, *, min_life: float | None = None) -> Token:
        """Like `Session.token`."""
        # Even if nothing is awaited: a pending save may continue in this loop.
        self._host.loops.see(asyncio.get_running_loop())
        given = self._native.token_if_valid() if min_life is None else None
        return token_of(given or await self._aask(self._native.token, life(min_life)))

    async def refresh(self) -> Token:
        """Like `Session.refresh`."""
        return Token(*await self._aask(self._native.refresh))

    async def force_refresh(self) -> Token:
        """Like `Session.force_refresh`."""
        return Token(*await self._aask(self._native.force_refresh))

    @aredact_traceback
    async def sign_in(self, credential: Credential | None = None) -> None:
        """Like `Session.sign_in`."""
        await self._ado(self._native.sign_in, given(credential or Credential())._plain())

    async def begin_sign_in(self, *, redirect_uri: str, **asked: Any) -> BegunSignIn:
        """Like `Session.begin_sign_in`."""
        return BegunSignIn(*await self._ado(self._native.begin_sign_in, asked_of(asked, redirect_uri)))

    @aredact_traceback
    async def finish_sign_in(self, pending: str, callback: str) -> None:
        """Like `Session.finish_sign_in`."""
        await self._ado(self._native.finish_sign_in, pending, callback)

    async def sign_in_with_browser(self, *, open: Callable[[str], object] | None = None, **asked: Any) -> None:
        """Like `Session.sign_in_with_browser`."""
        await self._ado(self._native.sign_in_with_browser, asked_of(asked), open)

    async def sign_in_with_device(
        self, *, show: Callable[[str, str, str | None], object] | None = None, **asked: Any
    ) -> None:
        """Like `Session.sign_in_with_device`."""
        await self._ado(self._native.sign_in_with_device, asked_of(asked), show or show_device)

    @aredact_traceback
    async def sign_in_with_password(self, username: str, password: str, *, scope: str | None = None) -> None:
        """Like `Session.sign_in_with_password`."""
        await self._ado(self._native.sign_in_with_password, username, password, scope)

    async def sign_out(self, *, revoke: bool = False) -> bool | None:
        """Like `Session.sign_out`."""
        revoked: bool | None = await self._ado(self._native.sign_out, flag("revoke", revoke))
        return revoked

    async def rebind(self) -> bool:
        """Like `Session.rebind`."""
        moved: bool = await self._ado(self._native.rebind)
        return moved

    async def status(self, *, fresh: bool = False) -> Status:
        """Like `Session.status`."""
        if flag("fresh", fresh):
            return Status(**await self._ado(self._native.status, True))
        # The status in memory is available at once; nothing is awaited.
        self._host.loops.forget_closed()
        return Status(**self._native.status())

    async def extra(self) -> dict[str, str]:
        """Like `Session.extra`."""
        found: dict[str, str] = await self._ado(self._native.extra)
        return found

    async def shutdown(self, timeout: float = AT_EXIT) -> bool:
        """Like `Session.shutdown`."""
        return bool(await self._ado(self._native.shutdown, seconds("timeout", timeout)))
