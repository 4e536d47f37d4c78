"""Many sessions of one configuration, for asyncio."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from ._app import App, AppBase
from ._async_session import AsyncSession
from ._checks import seconds, text
from ._credential import Credential
from ._ending import AT_EXIT
from ._errors import InvalidConfig
from ._redact_tracebacks import aredact_traceback
from ._sign_in_request import BegunSignIn, asked_of


class AsyncApp(AppBase):
    """`App` for asyncio and uvloop: takes the same options, returns `AsyncSession`s.

    >>> app = rekindle.AsyncApp(token_url="https://auth.example.com/oauth/token", client_id="app")
    >>> asyncio.run(app.accounts())
    []
    """

    _origin: object = None
    """The app that this one was made from; the reference keeps it alive."""

    @classmethod
    def of(cls, app: App) -> AsyncApp:
        """The same app for use in tasks; both share sessions, tokens and refreshes."""
        if not isinstance(app, AppBase):
            raise InvalidConfig(f"app must be a rekindle.App, not {type(app).__name__}")
        made = cls.__new__(cls)
        made._native, made._host, made._sessions = app._native, app._host, weakref.WeakValueDictionary()
        made._origin = app
        return made

    def session(self, key: str, *, credential: Credential | None = None) -> AsyncSession:
        """Like `App.session`."""
        return self._session(key, credential, AsyncSession)

    async def begin_sign_in(self, *, redirect_uri: str, **asked: Any) -> BegunSignIn:
        """Like `App.begin_sign_in`."""
        return BegunSignIn(*await self._ado(self._native.begin_sign_in, asked_of(asked, redirect_uri)))

    @aredact_traceback
    async def finish_sign_in(self, pending: str, callback: str, *, key: str | None = None) -> AsyncSession:
        """Like `App.finish_sign_in`."""
        return self.session(await self._ado(self._native.finish_sign_in, pending, callback, text("key", key)))

    async def sign_in(
        self, *, key: str | None = None, open: Callable[[str], object] | None = None, **asked: Any
    ) -> AsyncSession:
        """Like `App.sign_in`."""
        return self.session(await self._ado(self._native.sign_in, asked_of(asked), text("key", key), open))

    async def accounts(self) -> list[str]:
        """Like `App.accounts`."""
        keys: list[str] = await self._ado(self._native.accounts)
        return keys

    async def remove(self, key: str) -> bool | None:
        """Like `App.remove`."""
        return await self.session(key).sign_out(revoke=True)

    @aredact_traceback
    async def shutdown(self, timeout: float = AT_EXIT) -> bool:
        """Like `App.shutdown`."""
        return bool(await self._ado(self._native.shutdown, seconds("timeout", timeout)))
