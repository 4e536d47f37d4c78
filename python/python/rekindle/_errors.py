"""What can go wrong: one root, and a subclass a kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol


@dataclass(frozen=True)
class GraphQLError:
    """One error of a GraphQL answer; what looks like a token is hidden."""

    message: str
    code: str | None = None
    path: str | None = None


class ErrorResponse(Protocol):
    """The response that led to an error: a `Response`, or an `AsyncResponse` where the async client got it."""

    @property
    def status_code(self) -> int:
        """The status."""
        ...

    @property
    def url(self) -> str:
        """Where it came from, redirects followed."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, of any case."""
        ...

    @property
    def content(self) -> bytes:
        """The whole body."""
        ...

    @property
    def text(self) -> str:
        """The whole body as text; what does not decode is replaced."""
        ...

    def json(self) -> Any:
        """The whole body as JSON."""
        ...


class RekindleError(Exception):
    """The root. Its text says what to do next and never holds a token."""

    kind: ClassVar[str] = "RekindleError"

    def __init__(
        self,
        message: str = "",
        *,
        retryable: bool = False,
        argument: str | None = None,
        oauth_error: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
        response: ErrorResponse | None = None,
        graphql_errors: tuple[GraphQLError, ...] = (),
    ) -> None:
        # Not `super()`: the built-in bases of some kinds want other arguments.
        Exception.__init__(self, message)
        self.message = message
        self.retryable = retryable
        self.argument = argument
        self.oauth_error = oauth_error
        self.status = status
        self.retry_after = retry_after
        self.response = response
        self.graphql_errors = graphql_errors

    def __reduce__(self) -> Any:
        # Without the response: its body may hold tokens.
        facts = {
            "retryable": self.retryable,
            "argument": self.argument,
            "oauth_error": self.oauth_error,
            "status": self.status,
            "retry_after": self.retry_after,
            "graphql_errors": self.graphql_errors,
        }
        return (_again, (type(self), self.message, facts))


class LoginRequired(RekindleError):
    """The user must sign in again."""

    kind = "LoginRequired"


class SignedOut(RekindleError):
    """The session was signed out, or another one is signed in."""

    kind = "SignedOut"


class RefreshFailed(RekindleError):
    """A refresh failed, and nobody was signed out: try later."""

    kind = "RefreshFailed"


class RefreshLimited(RekindleError):
    """Too many refreshes that no clock explains."""

    kind = "RefreshLimited"


class RateLimited(RekindleError):
    """The token endpoint wants fewer requests."""

    kind = "RateLimited"


class Timeout(RekindleError, TimeoutError):
    """A deadline passed."""

    kind = "Timeout"


class Connection(RekindleError, ConnectionError):
    """The network did not carry it."""

    kind = "Connection"


class StoreUnavailable(RekindleError):
    """The store cannot be read or written now."""

    kind = "StoreUnavailable"


class InvalidConfig(RekindleError, ValueError):
    """An argument makes no sense; the message names it."""

    kind = "InvalidConfig"


class ClientRejected(RekindleError):
    """The server does not take this client, whatever the user's sign-in."""

    kind = "ClientRejected"


class InvalidResponse(RekindleError, json.JSONDecodeError):
    """A body does not parse."""

    kind = "InvalidResponse"

    def __init__(self, message: str = "", **facts: Any) -> None:
        RekindleError.__init__(self, message, **facts)
        # What JSONDecodeError promises; the document itself could hold secrets and is in `response`.
        self.msg, self.doc, self.pos, self.lineno, self.colno = message, "", 0, 1, 1

    def __reduce__(self) -> Any:
        return RekindleError.__reduce__(self)


class HttpStatus(RekindleError):
    """A status of 400 or above (`raise_for_status`)."""

    kind = "HttpStatus"


class GraphQL(RekindleError):
    """A GraphQL answer holds errors."""

    kind = "GraphQL"


class TooManyRedirects(RekindleError):
    """More redirects than are followed."""

    kind = "TooManyRedirects"


class Misuse(RekindleError, RuntimeError):
    """Something was used in a way that cannot work."""

    kind = "Misuse"


class System(RekindleError, OSError):
    """The machine cannot give what is needed: threads, randomness, file descriptors."""

    kind = "System"


_ALL: tuple[type[RekindleError], ...] = (
    LoginRequired,
    SignedOut,
    RefreshFailed,
    RefreshLimited,
    RateLimited,
    Timeout,
    Connection,
    StoreUnavailable,
    InvalidConfig,
    ClientRejected,
    InvalidResponse,
    HttpStatus,
    GraphQL,
    TooManyRedirects,
    Misuse,
    System,
)
BY_KIND = {one.kind: one for one in _ALL}


def _again(kind: type[RekindleError], message: str, facts: dict[str, Any]) -> RekindleError:
    """Unpickles."""
    return kind(message, **facts)
