"""Checks the options of apps and sessions, and converts them for the native module."""

from __future__ import annotations

import json
import os
from datetime import datetime
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from . import _native
from ._checks import flag, seconds, text, texts
from ._credential import Credential
from ._errors import InvalidConfig
from ._grant import ClientCredentials
from ._host import Host, StoreHost
from ._key import SigningKey
from ._refresh import RefreshHost, RefreshInput
from ._store import AsyncStore, FileStore, MemoryStore, Store
from ._transport import Cert, Proxies, Verify, transport


def described(
    host: Host,
    *,
    dialect: str | os.PathLike[str] | Mapping[str, Any],
    token_url: str | None,
    client_id: str | None,
    client_secret: str | None,
    client_key: SigningKey | None,
    client_auth: str | None,
    dpop_key: SigningKey | None,
    require_dpop: bool,
    store: FileStore | MemoryStore | Store | AsyncStore | None,
    origins: Iterable[str],
    insecure_origins: Iterable[str],
    variables: Mapping[str, str] | None,
    rotation: str | None,
    background: bool,
    wait_timeout: float,
    send_timeout: float,
    lease: float,
    verify: Verify,
    cert: Cert | None,
    proxies: Proxies | None,
    http2: bool,
    user_agent: str | None,
    connect_timeout: float | None,
    max_idle_connections: int | None,
    idle_timeout: float | None,
    max_concurrent_requests: int | None,
    client_credentials: ClientCredentials | None,
    refresh_with: Callable[[RefreshInput], Any] | Callable[[RefreshInput], Awaitable[Any]] | None,
    authorization_url: str | None = None,
    server: Mapping[str, Any] | None = None,
    pushed_requests: bool = True,
    login: Callable[[Any], Any] | None = None,
    login_timeout: float = 300.0,
) -> dict[str, Any]:
    """The options that apps and sessions have in common."""
    kept = _store(host, store)
    return {
        "plain": {
            "dialect": _dialect(dialect),
            "store": kept.pop("described", None),
            "token_url": text("token_url", token_url),
            "client_id": text("client_id", client_id),
            "client_secret": text("client_secret", client_secret),
            "client_auth": text("client_auth", client_auth),
            "require_dpop": flag("require_dpop", require_dpop),
            "rotation": text("rotation", rotation),
            "wait_timeout_ms": 1000 * seconds("wait_timeout", wait_timeout),
            "send_timeout_ms": 1000 * seconds("send_timeout", send_timeout),
            "lease_ms": 1000 * seconds("lease", lease),
            "background": flag("background", background),
            "variables": _variables(variables),
            "origins": texts("origins", origins),
            "insecure_origins": texts("insecure_origins", insecure_origins),
            "client_credentials": _client_credentials(client_credentials),
            "authorization_url": text("authorization_url", authorization_url),
            "server": None if server is None else _data("server", server),
            "pushed_requests": flag("pushed_requests", pushed_requests),
            "login_timeout_ms": 0 if login_timeout == 0 else 1000 * seconds("login_timeout", login_timeout),
        },
        "client_key": _key("client_key", client_key),
        "dpop_key": _key("dpop_key", dpop_key),
        "transport": transport(
            verify=verify,
            cert=cert,
            proxies=proxies,
            http2=http2,
            user_agent=user_agent,
            connect_timeout=connect_timeout,
            max_idle_connections=max_idle_connections,
            idle_timeout=idle_timeout,
            max_concurrent_requests=max_concurrent_requests,
        ),
        "refresh": _refresh(host, refresh_with),
        "login": login,
        **kept,
    }


def _key(name: str, key: object) -> _native.SigningKey | None:
    if key is None or isinstance(key, SigningKey):
        return None if key is None else key._native
    raise InvalidConfig(f"{name} must be a rekindle.SigningKey, not {type(key).__name__}")


def credential_of(
    credential: Credential | None,
    access_token: str | None,
    refresh_token: str | None,
    expires_in: float | None,
    expires_at: float | str | datetime | None,
) -> Credential | None:
    parts = (access_token, refresh_token, expires_in, expires_at)
    if credential is not None:
        if any(part is not None for part in parts):
            raise InvalidConfig("credential is given, and single tokens or times too: give one or the other")
        return given(credential)
    return None if all(part is None for part in parts) else Credential(*parts)


def given(credential: object) -> Credential:
    if not isinstance(credential, Credential):
        raise InvalidConfig(f"credential must be a rekindle.Credential, not {type(credential).__name__}")
    return credential


def _dialect(dialect: object) -> str | dict[str, Any]:
    if isinstance(dialect, Mapping):
        return _data("dialect", dialect)
    if isinstance(dialect, str):
        return dialect
    if isinstance(dialect, os.PathLike):
        # A path is distinguished from the name of a preset by its slash.
        path: str = os.path.abspath(os.fspath(dialect))
        return path
    raise InvalidConfig(f"dialect must be a name, a path or a dict, not {type(dialect).__name__}")


def _data(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(json.dumps(dict(given), allow_nan=False))
        return data
    except (TypeError, ValueError):
        raise InvalidConfig(f"{name} holds what JSON cannot say: use text, numbers, lists, dicts") from None


def _variables(values: object) -> dict[str, str]:
    if values is None:
        return {}
    if not isinstance(values, Mapping) or not all(isinstance(one, str) for pair in values.items() for one in pair):
        raise InvalidConfig("variables must be a mapping of texts to texts")
    return dict(values)


def _store(host: Host, store: Any) -> dict[str, Any]:
    if store is None or isinstance(store, MemoryStore):
        return {}
    if isinstance(store, FileStore):
        return {"store_folder" if store.is_folder else "store_file": store.path}
    for name in ("load", "save"):
        if not callable(getattr(store, name, None)):
            raise InvalidConfig(f"store must have {name}(), and {type(store).__name__} has none")
    described = {
        "identity": text("store.identity", getattr(store, "identity", None)),
        "shared": bool(getattr(store, "shared", True)),
        "instance": id(store),
        "owners": all(callable(getattr(store, name, None)) for name in ("announce", "retire", "owner")),
        "wakes": callable(getattr(store, "changed", None)),
        "clock": callable(getattr(store, "now", None)),
    }
    return {"store": StoreHost(host, store).ask, "described": described}


def _refresh(host: Host, function: Any) -> Callable[[dict[str, Any]], dict[str, Any]] | None:
    if function is None:
        return None
    if not callable(function):
        raise InvalidConfig(f"refresh_with must be callable, and {type(function).__name__} is not")
    return RefreshHost(host.call, function).ask


def _client_credentials(given: object) -> Any:
    if given is None or isinstance(given, ClientCredentials):
        return None if given is None else given._plain()
    raise InvalidConfig(f"client_credentials must be a rekindle.ClientCredentials, not {type(given).__name__}")
