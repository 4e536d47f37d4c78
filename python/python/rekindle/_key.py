"""Private keys that sign who the client is, and that a token is its own."""

from __future__ import annotations

import json
from typing import Any, NoReturn, final

from . import _native
from ._checks import text
from ._redact_tracebacks import redact_traceback
from ._errors import InvalidConfig


@final
class SigningKey:
    """A private key in PEM (PKCS #8 or PKCS #1): P-256, Ed25519 or RSA.

    For `Session(client_key=...)`, where the client says with it who it is (`private_key_jwt`, RFC 7523), or
    `Session(dpop_key=...)`, where tokens are bound to it (DPoP, RFC 9449). `key_id`: the server's name for it (`kid`).
    """

    @redact_traceback
    def __init__(self, pem: str, *, key_id: str | None = None) -> None:
        given = text("pem", pem)
        if given is None:
            raise InvalidConfig("pem must be the text of a private key, and is None")
        self._native = _native.SigningKey.from_pem(given, text("key_id", key_id))

    @staticmethod
    def generate() -> tuple[SigningKey, str]:
        """A new P-256 key, and its PEM: keep that where secrets are kept, bound tokens are of no use without it."""
        _, pem = _native.SigningKey.generate()
        return SigningKey(pem), pem

    @property
    def algorithm(self) -> str:
        """What it signs with: ES256, EdDSA or RS256 (RFC 7518)."""
        return self._native.algorithm

    @property
    def thumbprint(self) -> str:
        """Of its public half (RFC 7638): what a bound token names as `jkt`."""
        return self._native.thumbprint

    def jwk(self) -> dict[str, Any]:
        """Its public half (RFC 7517), for the client's registration."""
        public: dict[str, Any] = json.loads(self._native.jwk())
        return public

    def __repr__(self) -> str:
        return f"SigningKey(algorithm={self.algorithm!r}, thumbprint={self.thumbprint!r})"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a SigningKey is not pickled: keep its PEM")
