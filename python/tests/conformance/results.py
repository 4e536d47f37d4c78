"""What operations give, as the data that cases speak of; and that no token is told where none may be."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import rekindle

_SENTINELS = ("AT-", "RT-", "SECRET-")

Complain = Callable[[str], None]


def must_not_leak(complain: Complain, what: str, text: str) -> None:
    for sentinel in _SENTINELS:
        if sentinel in text:
            complain(f"{what} shows a token ({sentinel}..): {text}")
            return


def token(complain: Complain, given: rekindle.Token | None) -> dict[str, Any]:
    if given is None:
        return {"token": None}
    must_not_leak(complain, "a token's repr", repr(given))
    return {
        "token": given.value,
        "authorization": given.authorization,
        "header": given.header_name,
        "generation": given.generation,
        "expires_at_ms": _ms(given.expires_at),
    }


def response(
    complain: Complain, given: Any, body: bytes, broke: BaseException | None = None
) -> dict[str, Any]:
    must_not_leak(complain, "a response's repr", f"{given!r} {given.headers!r} {given.history!r}")
    told: dict[str, Any] = {
        "status": given.status_code,
        "url": given.url,
        "redirects": len(given.history),
        "headers": {name: given.headers.get_list(name)[-1] for name in given.headers},
        "text": body.decode(errors="replace"),
    }
    try:
        told["json"] = json.loads(body)
    except ValueError:
        pass
    if given.verdict is not None:
        told["verdict"] = _verdict(given.verdict)
    if given.replay_refused is not None:
        told["replay_refused"] = given.replay_refused
    if isinstance(broke, rekindle.RekindleError):
        told["error"] = _bare(complain, broke)
    return told


def _verdict(given: rekindle.Verdict) -> dict[str, Any]:
    match given.name:
        case "expired":
            more: dict[str, Any] = {"reason": given.reason}
        case "insufficient_scope":
            more = {"scope": given.scope}
        case "step_up":
            more = {"acr_values": given.acr_values, "max_age": given.max_age, "claims": given.claims}
        case "rate_limited" | "unavailable":
            more = {"after_ms": _ms(given.retry_after)}
        case _:
            more = {}
    return {"name": given.name, **more}


def error(complain: Complain, given: rekindle.RekindleError) -> dict[str, Any]:
    told = _bare(complain, given)
    if given.response is not None:
        told["response"] = response(complain, given.response, given.response.content)
    return {"error": told}


def _bare(complain: Complain, given: rekindle.RekindleError) -> dict[str, Any]:
    must_not_leak(complain, "an error", f"{given} {given!r} {given.args} {given.graphql_errors}")
    told = {
        "kind": given.kind,
        "message": given.message,
        "retryable": given.retryable,
        "graphql": [
            {"message": one.message, "code": one.code, "path": one.path} for one in given.graphql_errors
        ],
        "oauth_error": given.oauth_error,
        "status": given.status,
        "retry_after_ms": _ms(given.retry_after),
    }
    return {name: value for name, value in told.items() if value is not None}


def status(complain: Complain, given: rekindle.Status) -> dict[str, Any]:
    must_not_leak(complain, "a status", repr(given))
    return {
        "standing": given.standing,
        "generation": given.generation,
        "valid": given.valid,
        "refreshable": given.refreshable,
        "persisted": given.persisted,
        "refreshing": given.refreshing,
        "failures": given.failures,
        "backoff_ms": _ms(given.backoff),
        "leased": given.leased,
        "scope": given.scope,
        "expires_at_ms": _ms(given.expires_at),
    }


def event(complain: Complain, given: rekindle.Event) -> dict[str, Any]:
    must_not_leak(complain, "an event", f"{given!r} {given.details}")
    told = {"name": given.name, "generation": given.generation, **given.details}
    if "retry_after" in told:
        told["retry_after_ms"] = _ms(told.pop("retry_after"))
    return told


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
