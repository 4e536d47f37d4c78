"""Signing in with only a client id; discovery and client registration."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from . import _native
from ._checks import text
from ._session import Session


def sign_in(
    server: str | Mapping[str, Any],
    *,
    client_id: str,
    scope: str | None = None,
    device: bool = False,
    open: Callable[[str], object] | None = None,
    show: Callable[[str, str, str | None], object] | None = None,
    asked: Mapping[str, Any] | None = None,
    **options: Any,
) -> Session:
    """Returns a signed-in session: signs the user in with a browser or, with `device`, on another device. If the store already
    has a credential, that is used and the user is not asked.

    `server`: a preset's name (`google`), the path of a dialect file, an issuer (`https://...`), or the result of `discover`.
    `options` are those of `Session`, `asked` those of `sign_in_with_browser`. When the session can no longer be kept alive,
    the user is asked to sign in again in the same way.

    >>> session = rekindle.sign_in("google", client_id="...", store=rekindle.FileStore("google.json"))  # doctest: +SKIP
    """
    given = {**(asked or {}), **({} if scope is None else {"scope": scope})}

    def again(session: Session) -> None:
        if device:
            session.sign_in_with_device(show=show, **given)
        else:
            session.sign_in_with_browser(open=open, **given)

    options.setdefault("login", again)
    session = Session(**_where(server), client_id=client_id, **options)
    if not session.status(fresh=True).lineage:
        again(session)
    return session


def discover(issuer: str) -> dict[str, Any]:
    """Fetches an authorization server's metadata by its issuer (RFC 8414, OpenID Connect Discovery), for `Session(server=...)`.
    The result can be stored."""
    found: dict[str, Any] = json.loads(_native.discover(issuer))
    return found


def discover_resource(resource: str) -> dict[str, Any]:
    """Fetches an API's metadata by its URL (RFC 9728): `authorization_servers` are the issuers for `discover`, `resource` is
    the value to request tokens for the API with."""
    found: dict[str, Any] = json.loads(_native.discover_resource(resource))
    return found


def register(
    server: Mapping[str, Any], *, name: str, redirect_uri: str = "http://127.0.0.1/callback", scope: str | None = None
) -> dict[str, Any]:
    """Registers a client at a server that supports open dynamic registration (RFC 7591). Store the result, because each
    registration creates a new client, and use it as `Session(server=server, **client)`.

    >>> client = rekindle.register(server, name="My tool")  # doctest: +SKIP
    """
    registered: dict[str, Any] = json.loads(_native.register(json.dumps(dict(server)), name, redirect_uri, text("scope", scope)))
    return registered


def _where(server: str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(server, Mapping):
        return {"server": server}
    if isinstance(server, str) and server.startswith(("https://", "http://")):
        return {"server": discover(server)}
    return {"dialect": server}
