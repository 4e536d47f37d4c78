"""A refresh function of the user's, as a case scripts it, sync and async."""

from __future__ import annotations

from typing import Any

import rekindle


class Script:
    """Gives its results one after the other; `session` is the one that it refreshes, once there is one."""

    def __init__(self, results: list[dict[str, Any]]) -> None:
        self._results = list(results)
        self.session: rekindle.Session | None = None

    def sync(self, _: rekindle.RefreshInput) -> rekindle.Credential:
        result = self._next()
        if result.get("calls_back"):
            try:
                self._own().token()
            except rekindle.Misuse:
                return _given(result)
            raise ValueError("the session let its own refresh function wait for it")
        return _given(result)

    async def awaited(self, _: rekindle.RefreshInput) -> rekindle.Credential:
        result = self._next()
        if result.get("calls_back"):
            try:
                await rekindle.AsyncSession.of(self._own()).token()
            except rekindle.Misuse:
                return _given(result)
            raise ValueError("the session let its own refresh function wait for it")
        return _given(result)

    def _next(self) -> dict[str, Any]:
        return self._results.pop(0) if self._results else {}

    def _own(self) -> rekindle.Session:
        assert self.session is not None
        return self.session


def _given(result: dict[str, Any]) -> rekindle.Credential:
    match result.get("error"):
        case "login_required":
            raise rekindle.LoginRequired("as scripted")
        case "not_sent":
            raise rekindle.RefreshNotSent("as scripted")
        case None:
            return rekindle.Credential.from_dict(result)
        case _:
            raise ValueError("as scripted")
