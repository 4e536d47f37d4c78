"""What can go wrong: one root, and a subclass a kind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from ._response import Response


@dataclass(frozen=True)
class GraphQLError:
    """One error of a GraphQL answer; what looks like a token is hidden."""

    message: str
    code: str | None = None
    path: str | None = None


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
        response: Response | None = None,
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
_BY_KIND = {one.kind: one for one in _ALL}


def _again(kind: type[RekindleError], message: str, facts: dict[str, Any]) -> RekindleError:
    """Unpickles."""
    return kind(message, **facts)


def _make(facts: dict[str, Any]) -> RekindleError:
    """Called by the native half."""
    kind, message = facts.pop("kind"), facts.pop("message")
    raw, causes, raised = facts.pop("response"), facts.pop("causes"), facts.pop("cause")
    errors = tuple(GraphQLError(**one) for one in facts.pop("graphql_errors"))
    response = None
    if raw is not None:
        from ._response import Response

        response = Response(raw)
    error = _BY_KIND.get(kind, System)(message, response=response, graphql_errors=errors, **facts)
    error.__cause__ = raised or _chain(causes)
    return error


def _chain(causes: list[str]) -> Exception | None:
    """What led to an error, below Python: in words."""
    chain: Exception | None = None
    for text in reversed(causes):
        cause = Exception(text)
        cause.__cause__ = chain
        chain = cause
    return chain
