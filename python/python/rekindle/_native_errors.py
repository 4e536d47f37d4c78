"""Makes exceptions from the errors of the native module."""

from __future__ import annotations

from typing import Any

from ._errors import BY_KIND, GraphQLError, RekindleError, System
from ._response import Response


def make(facts: dict[str, Any]) -> RekindleError:
    """Called by the native module."""
    kind, message = facts.pop("kind"), facts.pop("message")
    raw, causes, raised = facts.pop("response"), facts.pop("causes"), facts.pop("cause")
    errors = tuple(GraphQLError(**one) for one in facts.pop("graphql_errors"))
    response = None if raw is None else Response(raw)
    error = BY_KIND.get(kind, System)(message, response=response, graphql_errors=errors, **facts)
    error.__cause__ = raised or _chain(causes)
    return error


def _chain(causes: list[str]) -> Exception | None:
    """The causes of an error below Python, as exceptions with their texts."""
    chain: Exception | None = None
    for text in reversed(causes):
        cause = Exception(text)
        cause.__cause__ = chain
        chain = cause
    return chain
