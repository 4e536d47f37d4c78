"""The client credentials grant (rule 5.18)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ._checks import text, texts
from ._errors import InvalidConfig


@dataclass(frozen=True)
class ClientCredentials:
    """Requests tokens for the client itself, without a user (RFC 6749 section 4.4): `Session(client_credentials=...)`.

    - `scope`: scope names, separated by spaces.
    - `audience`: for servers that support it. `resource`: the URLs of the resources that the token is for (RFC 8707).
    - `parameters`: further parameters of the token request.

    >>> session = rekindle.Session(
    ...     token_url="https://auth.example.com/oauth/token", client_id="service", client_secret="s3cret",
    ...     client_credentials=rekindle.ClientCredentials(scope="read write"),
    ... )
    """

    scope: str | None = None
    audience: str | None = None
    resource: Iterable[str] = ()
    parameters: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def _plain(self) -> dict[str, Any]:
        parameters = self.parameters
        if not isinstance(parameters, Mapping) or not all(
            isinstance(one, str) for pair in parameters.items() for one in pair
        ):
            raise InvalidConfig("client_credentials.parameters must be a mapping of texts to texts")
        return {
            "scope": text("client_credentials.scope", self.scope),
            "audience": text("client_credentials.audience", self.audience),
            "resource": texts("client_credentials.resource", self.resource),
            "parameters": dict(parameters),
        }
