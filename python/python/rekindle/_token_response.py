"""Reads a token endpoint's response by the field names that servers use (RFC 6749 section 5.1)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from ._errors import InvalidConfig
from ._native import iso_8601

_ACCESS = ("access_token", "accessToken", "token")
_REFRESH = ("refresh_token", "refreshToken")
_LIFE = ("expires_in", "expiresIn")
_END = ("expires_at", "expiresAt", "expires_on", "expiry")
_REFRESH_LIFE = ("refresh_token_expires_in", "refresh_expires_in", "refreshTokenExpiresIn", "x_refresh_token_expires_in")
_REFRESH_END = ("refresh_token_expires_at", "refresh_token_expires_on", "refreshTokenExpiresAt")
_SCOPE, _TYPE = ("scope", "scopes"), ("token_type", "tokenType")
_READ = {*_ACCESS, *_REFRESH, *_LIFE, *_END, *_REFRESH_LIFE, *_REFRESH_END, *_SCOPE, *_TYPE, "ext_expires_in", "not_before"}


def fields_of(response: Any) -> dict[str, Any]:
    """The fields of a Credential."""
    answer = _mapping(response)
    access, refresh = _text(answer, _ACCESS), _text(answer, _REFRESH)
    if access is None and refresh is None:
        error = answer.get("error")
        told = f" (error {error})" if isinstance(error, str) and error.replace("_", "").isalnum() else ""
        raise InvalidConfig(f"response holds no token{told}: give the answer to a sign-in, with access_token in it")
    life, refresh_life = _life(answer, _LIFE), _life(answer, _REFRESH_LIFE)
    refresh_end = _end(answer, _REFRESH_END) if refresh_life is None else time.time() + refresh_life
    return {
        "access_token": access,
        "refresh_token": refresh,
        "expires_in": life,
        "expires_at": None if life is not None else _end(answer, _END),
        "scope": _scope(answer),
        "token_type": _text(answer, _TYPE),
        "extra": {str(name): _kept(value) for name, value in answer.items() if name not in _READ and _is_kept(value)},
        "refresh_token_expires_at": refresh_end,
    }


def _mapping(response: Any) -> Mapping[str, Any]:
    if not isinstance(response, (Mapping, str, bytes)) and callable(getattr(response, "json", None)):
        response = response.json()
    if isinstance(response, (str, bytes)):
        try:
            response = json.loads(response)
        except ValueError:
            # The parser's message may quote a token.
            raise InvalidConfig("response is no JSON") from None
    if not isinstance(response, Mapping):
        raise InvalidConfig(f"response must be a mapping, JSON or a response, not {type(response).__name__}")
    return response


def _given(answer: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((answer[name] for name in names if answer.get(name) is not None), None)


def _text(answer: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    value = _given(answer, names)
    return value.strip() or None if isinstance(value, str) else None


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _life(answer: Mapping[str, Any], names: tuple[str, ...]) -> float | None:
    """An invalid lifetime counts as unknown, as in core."""
    life = _number(_given(answer, names))
    return life if life is not None and 0 < life < 3.2e8 else None


def _end(answer: Mapping[str, Any], names: tuple[str, ...]) -> float | None:
    value = _given(answer, names)
    at = _number(value)
    if at is None:
        return iso_8601(value) if isinstance(value, str) else None
    # A number that would be beyond the year 5138 in seconds is in milliseconds.
    return at / 1000 if at >= 1e11 else at if at >= 1e9 else None


def _scope(answer: Mapping[str, Any]) -> str | None:
    value = _given(answer, _SCOPE)
    names = value if isinstance(value, (list, tuple)) else [value]
    return " ".join(one for one in names if isinstance(one, str)) or None


def _is_kept(value: object) -> bool:
    return (isinstance(value, str) and value != "") or (isinstance(value, (Mapping, list)) and len(value) > 0)


def _kept(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
