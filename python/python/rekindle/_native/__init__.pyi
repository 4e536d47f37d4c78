from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from os import PathLike
from typing import Any, TypeAlias, final

from .._body import Source
from . import testing as testing

KINDS: list[str]
VERSION: str
__all__ = ["KINDS", "VERSION", "Answer", "Client", "Events", "Held", "Mailbox", "Running", "Session"]
__all__ += ["SigningKey", "Stream", "end", "testing"]
__all__ += ["after_fork_in_child", "after_fork_in_parent", "before_fork"]

_Waiter: TypeAlias = tuple[Mailbox, Future[Any]]
_Given: TypeAlias = tuple[str, str, str, int, float | None]
_Credential: TypeAlias = tuple[
    str | None, str | None, float | None, float | None, str | None, str | None, dict[str, str]
]

def before_fork() -> None: ...
def after_fork_in_parent() -> None: ...
def after_fork_in_child() -> None: ...
def end() -> None: ...
@final
class Running:
    def cancel(self) -> None: ...

@final
class Mailbox:
    def __new__(cls, event_loop: Callable[[], AbstractEventLoop | None]) -> Mailbox: ...
    def listen(self, event_loop: AbstractEventLoop) -> None: ...
    def deliver(self) -> None: ...

@final
class Answer:
    def take(self) -> Any: ...

@final
class Stream:
    def chunk(self, waiter: _Waiter | None = None) -> Any: ...
    def judged(self) -> tuple[dict[str, Any] | None, str | None]: ...
    def close(self) -> None: ...

@final
class Events:
    def next(self, waiter: _Waiter | None = None) -> Any: ...
    def poll(self) -> dict[str, Any] | None: ...

@final
class SigningKey:
    @staticmethod
    def from_pem(pem: str, key_id: str | None) -> SigningKey: ...
    @staticmethod
    def generate() -> tuple[SigningKey, str]: ...
    @property
    def algorithm(self) -> str: ...
    @property
    def thumbprint(self) -> str: ...
    def jwk(self) -> str: ...
@final
class Session:
    def __new__(
        cls,
        *,
        dialect: str,
        dialect_json: bool,
        settings: dict[str, Any],
        credential: _Credential | None,
        variables: dict[str, str],
        origins: list[str],
        insecure_origins: list[str],
        store_path: str | PathLike[str] | None,
        store_host: tuple[object, str | None, bool, bool] | None,
        refresh_host: object | None,
        on_event: Callable[[dict[str, Any]], object] | None,
        clock: testing.ManualClock | None = None,
        alone: bool = False,
    ) -> Session: ...
    def token_if_valid(self) -> _Given | None: ...
    def token(self, min_life: float | None = None, waiter: _Waiter | None = None) -> Any: ...
    def refresh(self, force: bool, waiter: _Waiter | None = None) -> Any: ...
    def invalidate(self) -> None: ...
    def sign_in(self, credential: _Credential, waiter: _Waiter | None = None) -> Any: ...
    def sign_out(self, waiter: _Waiter | None = None) -> Any: ...
    def status(self, fresh: bool = False, waiter: _Waiter | None = None) -> Any: ...
    def stats(self) -> dict[str, int]: ...
    def hold(self, url: str, names: list[str], waiter: _Waiter | None = None) -> Any: ...
    def owns(self, url: str) -> bool: ...
    def proof(self, held: Held, method: str, url: str) -> str | None: ...
    def reads(self, status: int) -> bool: ...
    def judge(
        self,
        held: Held,
        method: str,
        url: str,
        content: bytes | None,
        replayable: bool,
        status: int,
        headers: list[tuple[str, str]],
        body: bytes,
        waiter: _Waiter | None = None,
    ) -> Any: ...
    def prometheus(self) -> str: ...
    def events(self) -> Events: ...
    def is_settled(self) -> bool: ...
    def shutdown(self, most: float, waiter: _Waiter | None = None) -> Any: ...

@final
class Client:
    def __new__(
        cls,
        session: Session,
        *,
        base_url: str | None,
        headers: list[tuple[str, str]],
        timeout: float | None,
        max_redirects: int,
        max_sends: int,
        max_body_bytes: int | None,
        graphql_path: str | None,
        proxy: str | None,
        roots: list[bytes],
        http2: bool,
        user_agent: str | None,
        own_transport: bool,
    ) -> Client: ...
    def request(
        self,
        method: str,
        url: str,
        *,
        params: list[tuple[str, str]] = ...,
        headers: list[tuple[str, str]] = ...,
        content: bytes | None = None,
        source: Source | None = None,
        files: list[tuple[str, str | None, str | None, bytes]] | None = None,
        timeout: tuple[float | None] | None = None,
        follow_redirects: bool,
        idempotency_key: str | None = None,
        stream: bool,
        waiter: _Waiter | None = None,
    ) -> Any: ...
    def graphql(self, query: str, variables: str, waiter: _Waiter | None = None) -> Any: ...

@final
class Held:
    @property
    def header_name(self) -> str: ...
    @property
    def authorization(self) -> str: ...

_Judged: TypeAlias = tuple[Held | None, str, str | None]
