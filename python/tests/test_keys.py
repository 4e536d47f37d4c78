"""Keys that sign: who the client is, and that a token is its own."""

from __future__ import annotations

import asyncio
import base64
import json
import pickle
from typing import Any
from urllib.parse import parse_qs

import pytest

import rekindle
from conftest import Make, grants
from rekindle.testing import TestServer
from test_adapters import ADAPTERS


def claims(jwt: str) -> dict[str, Any]:
    body = jwt.split(".")[1]
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return read


def proofs(server: TestServer, path: str) -> list[dict[str, Any]]:
    headers = [dict(one["headers"]) for one in server.log() if one["path"] == path]
    return [claims(one["dpop"]) for one in headers if "dpop" in one]


def by_client(session: rekindle.Session, method: str, url: str) -> int:
    with rekindle.Client(session) as client:
        return client.request(method, url).status_code


def by_async_client(session: rekindle.Session, method: str, url: str) -> int:
    async def ask() -> int:
        async with rekindle.AsyncClient(session) as client:
            return (await client.request(method, url)).status_code

    return asyncio.run(ask())


# spec 3.3, 9.4
@pytest.mark.parametrize("ask", [by_client, by_async_client, *ADAPTERS])
def test_each_send_has_a_proof_of_its_own_and_a_nonce_is_no_replay(server: TestServer, make: Make, ask: Any) -> None:
    nonce = {"WWW-Authenticate": ['DPoP error="use_dpop_nonce"'], "DPoP-Nonce": ["n-1"]}
    server.script(
        {"match": {"path": "/data"}, "respond": {"status": 401, "headers": nonce}},
        {"match": {"path": "/data"}, "respond": {"json": True}},
    )
    key, _ = rekindle.SigningKey.generate()
    session = make(dpop_key=key)
    assert session.token().authorization == "DPoP AT-1"
    assert ask(session, "GET", server.url + "/data") == 200
    first, second = proofs(server, "/data")
    assert first["jti"] != second["jti"] and second["nonce"] == "n-1"
    assert (second["htm"], second["htu"]) == ("GET", server.url + "/data")
    assert session.stats()["replays"] == 0


# spec 5.5
def test_a_client_that_signs_says_so_in_the_token_request(server: TestServer, make: Make) -> None:
    key, pem = rekindle.SigningKey.generate()
    assert rekindle.SigningKey(pem).thumbprint == key.thumbprint
    server.script(grants(2))
    make(client_key=rekindle.SigningKey(pem, key_id="k-1")).refresh()
    (asked,) = server.log()
    sent = parse_qs(asked["body"])
    assert sent["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
    assert claims(sent["client_assertion"][0])["aud"] == server.url + "/token"


def test_a_key_shows_its_public_half_only() -> None:
    key, pem = rekindle.SigningKey.generate()
    assert key.jwk()["kty"] == "EC" and "d" not in key.jwk() and key.algorithm == "ES256"
    assert repr(key) == f"SigningKey(algorithm='ES256', thumbprint={key.thumbprint!r})"
    with pytest.raises(TypeError, match="keep its PEM"):
        pickle.dumps(key)


@pytest.mark.parametrize("pem", ["no key", "", None, 7])
def test_what_is_no_key_is_told(pem: Any) -> None:
    with pytest.raises(rekindle.InvalidConfig):
        rekindle.SigningKey(pem)


@pytest.mark.parametrize("name", ["client_key", "dpop_key"])
def test_a_key_must_be_a_key(make: Make, name: str) -> None:
    with pytest.raises(rekindle.InvalidConfig, match=f"{name} must be a rekindle.SigningKey, not str"):
        make(**{name: "-----BEGIN PRIVATE KEY-----"})
