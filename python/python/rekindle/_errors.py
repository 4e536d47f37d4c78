"""The exceptions: one base class, and a subclass for each kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol


@dataclass(frozen=True)
class GraphQLError:
    """One error of a GraphQL response; text that looks like a token is redacted."""

    message: str
    code: str | None = None
    path: str | None = None


class ErrorResponse(Protocol):
    """The response that led to an error: a `Response`, or an `AsyncResponse` of the async client."""

    @property
    def status_code(self) -> int:
        """The status code."""
        ...

    @property
    def url(self) -> str:
        """The URL that it came from, after redirects."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; names are case-insensitive."""
        ...

    @property
    def content(self) -> bytes:
        """The whole body."""
        ...

    @property
    def text(self) -> str:
        """The whole body as text; bytes that cannot be decoded are replaced."""
        ...

    def json(self) -> Any:
        """The whole body as JSON."""
        ...


class RekindleError(Exception):
    """The base class of all errors. The message says what to do next and never contains a token.

    `retryable`: whether the same call may succeed later. `argument`: the name of the invalid argument. `oauth_error` and
    `status`: the server's error code and status. `retry_after`: in seconds. `response`: the response that led to the error.
    `graphql_errors`: the errors of a GraphQL response.
    """

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
        # Not `super()`: the built-in base classes of some kinds take other arguments.
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
        # Without the response: its body may contain tokens.
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
    """The session was signed out, or another user has signed in to it."""

    kind = "SignedOut"


class RefreshFailed(RekindleError):
    """A refresh failed, and the sign-in is still valid: try again later."""

    kind = "RefreshFailed"


class RefreshLimited(RekindleError):
    """Refresh limit reached: the API keeps rejecting tokens that have not expired."""

    kind = "RefreshLimited"


class RateLimited(RekindleError):
    """The token endpoint limits the rate of requests; see `retry_after`."""

    kind = "RateLimited"


class Timeout(RekindleError, TimeoutError):
    """A deadline passed."""

    kind = "Timeout"


class Connection(RekindleError, ConnectionError):
    """A connection failed."""

    kind = "Connection"


class StoreUnavailable(RekindleError):
    """The store cannot be read or written now."""

    kind = "StoreUnavailable"


class InvalidConfig(RekindleError, ValueError):
    """An argument is invalid; the message names it."""

    kind = "InvalidConfig"


class ClientRejected(RekindleError):
    """The server rejected the client itself, not the user's sign-in: check the client id and its authentication."""

    kind = "ClientRejected"


class InvalidResponse(RekindleError, json.JSONDecodeError):
    """A body could not be parsed."""

    kind = "InvalidResponse"

    def __init__(self, message: str = "", **facts: Any) -> None:
        RekindleError.__init__(self, message, **facts)
        # The attributes of JSONDecodeError. `doc` stays empty: the document may contain secrets; it is in `response`.
        self.msg, self.doc, self.pos, self.lineno, self.colno = message, "", 0, 1, 1

    def __reduce__(self) -> Any:
        return RekindleError.__reduce__(self)


class HttpStatus(RekindleError):
    """A status of 400 or above (`raise_for_status`)."""

    kind = "HttpStatus"


class GraphQL(RekindleError):
    """A GraphQL response contains errors."""

    kind = "GraphQL"


class TooManyRedirects(RekindleError):
    """The response redirected more often than `max_redirects` allows."""

    kind = "TooManyRedirects"


class Misuse(RekindleError, RuntimeError):
    """The API was used in a way that cannot work."""

    kind = "Misuse"


class System(RekindleError, OSError):
    """The operating system could not provide a resource: threads, randomness, file descriptors."""

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
    """Unpickles an error."""
    return kind(message, **facts)
