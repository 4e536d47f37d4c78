"""Signing in."""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import _native
from ._checks import text
from ._credential import Credential
from ._errors import InvalidConfig
from ._host import Host, signing_in

if TYPE_CHECKING:
    from ._session import Session

_TEXTS = ("scope", "redirect_uri", "audience", "prompt", "login_hint", "acr_values", "claims", "return_to")


@dataclass(frozen=True)
class BegunSignIn:
    """A sign-in that has begun."""

    url: str
    """Where the browser goes."""
    pending: str = field(repr=False)
    """What must be known when it comes back: a secret, plain text."""


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
    from ._session import Session

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


def asked_of(asked: Mapping[str, Any], redirect_uri: str | None = None) -> str:
    """What a sign-in asks for, checked, as the native half wants it."""
    plain = dict(asked) if redirect_uri is None else {**asked, "redirect_uri": redirect_uri}
    for name in _TEXTS:
        text(name, plain.get(name))
    resource = plain.get("resource")
    if isinstance(resource, str):
        plain["resource"] = [resource]
    known = {*_TEXTS, "resource", "max_age", "parameters"}
    unknown = [name for name in plain if name not in known]
    if unknown:
        raise InvalidConfig(f"a sign-in has no option {unknown[0]}; it has {', '.join(sorted(known))}")
    try:
        return json.dumps({name: value for name, value in plain.items() if value is not None})
    except (TypeError, ValueError):
        raise InvalidConfig("a sign-in's options are text, numbers, lists of text and a dict of text") from None


def show_device(address: str, code: str, whole: str | None) -> None:
    """Prints where to go, and what to type in there."""
    print(f"Open {whole or address} on any device, and enter the code {code}", file=sys.stderr, flush=True)


def login_host(owner: object, host: Host, handler: object) -> Callable[[_native.Session], None] | None:
    """A handler of the user's, as the native half wants it: it gets a session, and may give a credential."""
    if handler is None:
        return None
    if not callable(handler):
        raise InvalidConfig(f"login must be callable, and {type(handler).__name__} is not")

    def call(native: _native.Session) -> None:
        from ._session import Session

        session = Session._of(None, native, host)

        def run() -> object:
            given = handler(session)
            return asyncio.run(given) if inspect.iscoroutine(given) else given

        given = signing_in(native, run)
        if isinstance(given, Credential):
            session.sign_in(given)

    return call
