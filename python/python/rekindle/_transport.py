"""Connection settings: TLS, proxy, HTTP version, user agent. Those of a session apply to its clients and its token requests."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Mapping
from typing import Literal, TypeAlias

from . import _native
from ._checks import count, flag, maybe_seconds, text
from ._errors import InvalidConfig

Path: TypeAlias = "str | os.PathLike[str]"
Verify: TypeAlias = "Path | ssl.SSLContext | bool"
Cert: TypeAlias = "Path | tuple[Path, Path]"
Proxies: TypeAlias = "str | Mapping[str, str] | Literal[False]"


def transport(
    *,
    verify: Verify,
    cert: Cert | None,
    proxies: Proxies | None,
    http2: bool,
    user_agent: str | None,
    connect_timeout: float | None,
    max_idle_connections: int | None,
    idle_timeout: float | None,
    max_concurrent_requests: int | None,
) -> _native.Transport | None:
    """A transport with these settings; `None` if all are the defaults."""
    roots, own, proxy = _roots(verify, cert), _own(cert), _proxy(proxies)
    limit, idle = maybe_seconds("connect_timeout", connect_timeout), maybe_seconds("idle_timeout", idle_timeout)
    most = count("max_idle_connections", max_idle_connections)
    at_once = count("max_concurrent_requests", max_concurrent_requests)
    offers_http2, agent = flag("http2", http2), text("user_agent", user_agent)
    if not roots and offers_http2 and all(one is None for one in (own, proxy, limit, agent, most, idle, at_once)):
        return None
    return _native.Transport(
        roots=roots,
        cert=own,
        proxy=proxy,
        http2=offers_http2,
        user_agent=agent,
        connect_timeout=limit,
        max_idle_connections=most,
        idle_timeout=idle,
        max_concurrent_requests=at_once,
    )


def _proxy(proxies: object) -> str | None:
    if proxies is None:
        return None
    if proxies is False:
        return ""
    if isinstance(proxies, str) and proxies:
        return proxies
    if isinstance(proxies, Mapping):
        return _one_proxy(proxies)
    raise InvalidConfig("proxies must be a URL, False for none, or None for the system's")


def _one_proxy(proxies: Mapping[str, str]) -> str:
    """A mapping as requests and httpx take it, if it has one proxy for all schemes."""
    known = {"http", "https", "all"}
    if not {str(name).removesuffix("://") for name in proxies} <= known:
        raise InvalidConfig("proxies must name http, https or all, and no single hosts")
    urls = set(proxies.values())
    if len(urls) != 1 or not isinstance(url := urls.pop(), str):
        raise InvalidConfig("proxies must be one URL for all schemes: make a client for each proxy")
    return url


def _roots(verify: object, cert: object) -> list[bytes]:
    if verify is True:
        return []
    if verify is False:
        raise InvalidConfig("verify cannot be False: tokens would go to anybody; give the path of your own root")
    if isinstance(verify, (str, os.PathLike)):
        root = _read("verify", verify)
        if b"-----BEGIN CERTIFICATE-----" not in root:
            raise InvalidConfig("verify: there is no certificate in the file, give PEM")
        return [root]
    if isinstance(verify, ssl.SSLContext):
        if cert is None and _has_certificate(verify):
            raise InvalidConfig(
                "verify is an SSLContext with a client certificate, which Python does not give out: "
                "pass it as cert=(certificate path, key path), too"
            )
        ders = verify.get_ca_certs(binary_form=True)
        return [ssl.DER_cert_to_PEM_cert(der).encode() for der in ders]
    raise InvalidConfig(f"verify must be a path or an SSLContext, not {type(verify).__name__}")


def _own(cert: object) -> tuple[bytes, bytes] | None:
    if cert is None:
        return None
    if isinstance(cert, (str, os.PathLike)):
        both = _read("cert", cert)
        return both, both
    if isinstance(cert, tuple) and len(cert) == 2 and all(isinstance(one, (str, os.PathLike)) for one in cert):
        return _read("cert", cert[0]), _read("cert", cert[1])
    raise InvalidConfig("cert must be the path of a PEM file with certificate and key, or a pair of such paths")


def _read(name: str, path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InvalidConfig(f"{name}: the file cannot be read ({type(error).__name__})") from None


def _has_certificate(context: ssl.SSLContext) -> bool:
    """Whether the context has a client certificate. Python has no API for that, so this does a handshake with a server in memory.

    The client's connection is made by a context of ours and then switched to the user's, which itself is not changed.
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(_PROBE)
        file.flush()
        server.load_cert_chain(file.name)
    server.verify_mode = ssl.CERT_OPTIONAL
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    own.check_hostname, own.verify_mode = False, ssl.CERT_NONE
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = own.wrap_bio(there, back)
    client.context = context
    asked = server.wrap_bio(back, there, server_side=True)
    for _ in range(4):
        for end in (client, asked):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as error:
                # The server does not trust the certificate: so there is one.
                return "CERTIFICATE_VERIFY_FAILED" in str(error.reason)
    return asked.getpeercert(binary_form=True) is not None


# Not a secret: the key of the server in memory, used nowhere else.
_PROBE = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgCeEFa280icsZgcVo
vM9QymyGOVn1pa8i/MINrYeL2l6hRANCAARSxnJI41Q+AN79Y5s7MbQvQ9R9F2Ve
heXFfmpmueqPAu7mENeCKC3C87n7IFXGNTe0SCi2TtIBmnzDDZqsAYSJ
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBdzCCAR2gAwIBAgIUQ936kl8QUC6WDUYgr3Kz3i8H60MwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFcHJvYmUwIBcNMjYxMTI4MDEzMjU5WhgPMjEyNjExMDQwMTMy
NTlaMBAxDjAMBgNVBAMMBXByb2JlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
UsZySONUPgDe/WObOzG0L0PUfRdlXoXlxX5qZrnqjwLu5hDXgigtwvO5+yBVxjU3
tEgotk7SAZp8ww2arAGEiaNTMFEwHQYDVR0OBBYEFGQaljQYAA/P9Qj/2r+DjPZz
pKB1MB8GA1UdIwQYMBaAFGQaljQYAA/P9Qj/2r+DjPZzpKB1MA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgcpxFGiFsMOAy3A3uZTOg0sSJffPqacdi
DYunf1Hyj4QCIQCfSjuQ7TxBtma9WceCMvJt6ADGtrSxM6mL3CbXt/bN5Q==
-----END CERTIFICATE-----
"""
