"""Signing in from a client id alone, and what a server says of itself."""

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
    """A session that is signed in, from a client id: in a browser, or with `device` on another device. A store that holds a
    sign-in already is used, and nobody is asked.

    `server`: a preset's name (`google`), the path of a dialect file, an issuer (`https://...`), or what `discover` gave.
    `options` are those of `Session`, `asked` those of `sign_in_with_browser`. When the session can't be kept alive any more,
    the user is asked again in the same way.

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
    """What a server says of itself, by its issuer (RFC 8414, OpenID Connect): for `Session(server=...)`. It can be kept."""
    found: dict[str, Any] = json.loads(_native.discover(issuer))
    return found


def discover_resource(resource: str) -> dict[str, Any]:
    """What an API says of itself, by its address (RFC 9728): its `authorization_servers` are the issuers for `discover`, its
    `resource` is what tokens for it are asked for with."""
    found: dict[str, Any] = json.loads(_native.discover_resource(resource))
    return found


def register(
    server: Mapping[str, Any], *, name: str, redirect_uri: str = "http://127.0.0.1/callback", scope: str | None = None
) -> dict[str, Any]:
    """Registers a client at a server that lets anybody do so (RFC 7591). Keep what it gives, another registration is another
    client: `Session(server=server, **client)`.

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
