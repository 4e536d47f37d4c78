"""The options of a sign-in, and what the user is shown."""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import _native
from ._checks import text
from ._credential import Credential
from ._errors import InvalidConfig
from ._host import signing_in

_TEXTS = ("scope", "redirect_uri", "audience", "prompt", "login_hint", "acr_values", "claims", "return_to")


@dataclass(frozen=True)
class BegunSignIn:
    """A sign-in that was begun and waits for its callback."""

    url: str
    """The URL to redirect the browser to."""
    pending: str = field(repr=False)
    """The state that `finish_sign_in` needs: text, to be kept secret."""


def asked_of(asked: Mapping[str, Any], redirect_uri: str | None = None) -> str:
    """Checks the options of a sign-in, and converts them for the native module."""
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
    """Prints the URL to open, and the code to enter there."""
    print(f"Open {whole or address} on any device, and enter the code {code}", file=sys.stderr, flush=True)


def login_host(
    handler: object, session_of: Callable[[_native.Session], Any]
) -> Callable[[_native.Session], None] | None:
    """Wraps a user's login handler for the native module: it is called with a session and may return a credential."""
    if handler is None:
        return None
    if not callable(handler):
        raise InvalidConfig(f"login must be callable, and {type(handler).__name__} is not")

    def call(native: _native.Session) -> None:
        session = session_of(native)

        def run() -> object:
            given = handler(session)
            return asyncio.run(given) if inspect.iscoroutine(given) else given

        given = signing_in(native, run)
        if isinstance(given, Credential):
            session.sign_in(given)

    return call
