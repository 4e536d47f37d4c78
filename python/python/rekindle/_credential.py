"""Credentials that users pass in, and tokens that they get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from ._errors import InvalidConfig
from ._times import epoch
from ._token_response import fields_of

@dataclass(frozen=True)
class Credential:
    """The tokens of one sign-in. `repr` shows no token, and pickling raises: pickle `picklable()` instead.

    At least one of the two tokens must be given, and at most one of `expires_in` (seconds from now) and `expires_at` (seconds
    since 1970, a `datetime` with a time zone, or a text such as `2026-11-28T10:00:00Z`). `refresh_token_expires_at` takes the
    same values. `extra` is stored with the tokens and can be read with `session.extra()`: an instance's URL, an issuer.

    >>> rekindle.Credential(access_token="AT-1", refresh_token="RT-1", expires_in=900)
    Credential(expires_in=900, expires_at=None, scope=None, token_type=None)
    """

    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_in: float | None = None
    expires_at: float | str | datetime | None = None
    scope: str | None = None
    token_type: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict[str, str], repr=False, hash=False)
    refresh_token_expires_at: float | str | datetime | None = field(default=None, repr=False)

    @classmethod
    def from_response(cls, response: Any) -> Credential:
        """The credential in a token endpoint's response: a mapping, JSON as text, or a response object with `json()`.

        Numbers may be texts, times may be dates with a time zone, the scope may be a list, and names may be in camel case.
        Other texts and objects in the response (`id_token`, `instance_url`, `user`) are kept as `extra`.

        >>> made = rekindle.Credential.from_response({"access_token": "AT-1", "expires_in": "3600", "scope": ["a", "b"]})
        >>> made.expires_in, made.scope
        (3600.0, 'a b')
        """
        return cls(**fields_of(response))

    def to_dict(self) -> dict[str, Any]:
        """All fields as a dict, including the tokens, to move a credential elsewhere on purpose."""
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "expires_in": self.expires_in,
            "expires_at": self.expires_at,
            "scope": self.scope,
            "token_type": self.token_type,
            "extra": dict(self.extra),
            "refresh_token_expires_at": self.refresh_token_expires_at,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Credential:
        """A credential from the dict of `to_dict`, ignoring unknown names. For a token endpoint's response use `from_response`."""
        known = {name: data[name] for name in cls.__dataclass_fields__ if data.get(name) is not None}
        return cls(**known)

    def picklable(self) -> object:
        """An object that can be pickled and unpickles to this credential. The pickle contains the tokens in plain text."""
        return _Picklable(self)

    def __copy__(self) -> Credential:
        return self

    def __deepcopy__(self, memo: Any) -> Credential:
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a Credential holds tokens and is not pickled by accident: pickle its picklable()")

    def _plain(self) -> dict[str, Any]:
        for name in ("access_token", "refresh_token", "scope", "token_type"):
            _check(name, getattr(self, name), str, "text")
        _check("expires_in", self.expires_in, (int, float), "a number of seconds")
        _check("extra", self.extra, Mapping, "a mapping")
        facts = self.to_dict() | {"extra": {str(name): str(value) for name, value in self.extra.items()}}
        for name in ("expires_at", "refresh_token_expires_at"):
            at = epoch(name, facts.pop(name))
            facts[f"{name}_ms"] = None if at is None else 1000 * at
        return facts


class _Picklable:
    def __init__(self, credential: Credential) -> None:
        self._credential = credential

    def __reduce__(self) -> Any:
        return (Credential.from_dict, (self._credential.to_dict(),))


def _check(name: str, value: object, kind: Any, what: str) -> None:
    if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
        raise InvalidConfig(f"{name} must be {what}, not {type(value).__name__}")


class Token:
    """An access token. `str` and `repr` hide it; `.value` is the token, `.authorization` the value of its header.

    `expires_at` is in seconds since 1970, `None` if unknown. `generation` increases with each new token of a sign-in.
    """

    __slots__ = ("authorization", "expires_at", "generation", "header_name", "value")

    def __init__(
        self, value: str, authorization: str, header_name: str, generation: int, expires_at: float | None
    ) -> None:
        self.value = value
        self.authorization = authorization
        self.header_name = header_name
        self.generation = generation
        self.expires_at = expires_at

    def __repr__(self) -> str:
        return f"Token(value=***, generation={self.generation}, expires_at={self.expires_at})"

    __str__ = __repr__

    def __format__(self, spec: str) -> NoReturn:
        raise TypeError("a Token is not shown by accident: use .value, or .authorization for the header")

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a Token is not pickled by accident: take its .value")
