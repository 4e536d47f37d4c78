"""Keeps API sessions alive: detects expired tokens, refreshes them once, replays requests safely, stores credentials.

    import rekindle

    session = rekindle.Session(dialect="oauth2", token_url="https://auth.example.com/oauth/token",
                               client_id="app", access_token="...", refresh_token="...")
    with rekindle.Client(session, base_url="https://api.example.com") as client:
        print(client.get("/data").json())
"""

from ._app import App
from ._async_app import AsyncApp
from ._async_session import AsyncSession
from ._client import AsyncClient, Client
from ._credential import Credential, Token
from ._errors import (
    ClientRejected,
    Connection,
    ErrorResponse,
    GraphQL,
    GraphQLError,
    HttpStatus,
    InvalidConfig,
    InvalidResponse,
    LoginRequired,
    Misuse,
    System,
    RateLimited,
    RefreshFailed,
    RefreshLimited,
    RekindleError,
    SignedOut,
    StoreUnavailable,
    Timeout,
    TooManyRedirects,
)
from ._events import Event, Events
from ._grant import ClientCredentials
from ._hooks import SentRequest
from ._key import SigningKey
from ._native import VERSION as __version__
from ._response import AsyncResponse, Headers, Redirect, Response, Verdict
from ._refresh import RefreshInput, RefreshNotSent
from ._session import Session, Status
from ._sign_in import discover, discover_resource, register, sign_in
from ._sign_in_request import BegunSignIn
from ._store import AsyncStore, Expected, FileStore, MemoryStore, Stored, Store

__all__ = [
    "App",
    "AsyncApp",
    "AsyncClient",
    "AsyncResponse",
    "AsyncSession",
    "AsyncStore",
    "BegunSignIn",
    "Client",
    "ClientCredentials",
    "ClientRejected",
    "Connection",
    "Credential",
    "ErrorResponse",
    "Event",
    "Events",
    "Expected",
    "FileStore",
    "GraphQL",
    "GraphQLError",
    "Headers",
    "HttpStatus",
    "InvalidConfig",
    "InvalidResponse",
    "LoginRequired",
    "MemoryStore",
    "Misuse",
    "System",
    "RateLimited",
    "Redirect",
    "RefreshFailed",
    "RefreshInput",
    "RefreshLimited",
    "RefreshNotSent",
    "RekindleError",
    "Response",
    "SentRequest",
    "Session",
    "SignedOut",
    "SigningKey",
    "Status",
    "Store",
    "StoreUnavailable",
    "Stored",
    "Timeout",
    "Token",
    "TooManyRedirects",
    "Verdict",
    "__version__",
    "discover",
    "discover_resource",
    "register",
    "sign_in",
]
