"""Private keys that authenticate the client, and that tokens are bound to."""

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

    As `Session(client_key=...)` it authenticates the client (`private_key_jwt`, RFC 7523); as `Session(dpop_key=...)` it is
    the key that tokens are bound to (DPoP, RFC 9449). `key_id`: the id under which the server knows the key (`kid`).
    """

    @redact_traceback
    def __init__(self, pem: str, *, key_id: str | None = None) -> None:
        given = text("pem", pem)
        if given is None:
            raise InvalidConfig("pem must be the text of a private key, and is None")
        self._native = _native.SigningKey.from_pem(given, text("key_id", key_id))

    @staticmethod
    def generate() -> tuple[SigningKey, str]:
        """Generates a P-256 key; returns it and its PEM. Keep the PEM as a secret: bound tokens are useless without it."""
        _, pem = _native.SigningKey.generate()
        return SigningKey(pem), pem

    @property
    def algorithm(self) -> str:
        """The signature algorithm: ES256, EdDSA or RS256 (RFC 7518)."""
        return self._native.algorithm

    @property
    def thumbprint(self) -> str:
        """The thumbprint of the public key (RFC 7638), which a bound token contains as `jkt`."""
        return self._native.thumbprint

    def jwk(self) -> dict[str, Any]:
        """The public key as a JWK (RFC 7517), for registering the client."""
        public: dict[str, Any] = json.loads(self._native.jwk())
        return public

    def __repr__(self) -> str:
        return f"SigningKey(algorithm={self.algorithm!r}, thumbprint={self.thumbprint!r})"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a SigningKey is not pickled: keep its PEM")
