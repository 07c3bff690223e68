"""ID tokens of an OpenID Connect issuer, a small one of our own."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from steersman.api.errors import Unauthorized
from steersman.apiserver.authn.configuration import Issuer, Mapped, Rule, parse
from steersman.apiserver.authn.oidc.authenticator import IDTokens, Issuers
from steersman.apiserver.authn.oidc.claims import ClaimError, user_of
from steersman.bootstrap import pki
from steersman.runtime.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NAME = Mapped("sub", "oidc:")


class Provider:
    """An issuer over TLS: its keys, and how often they were asked for."""

    def __init__(self) -> None:
        self.url, self.asked = "", 0
        self.keys = {"one": rsa.generate_private_key(65537, 2048)}

    def sign(self, key: str = "one", **claims: Any) -> str:
        content = {"iss": self.url, "aud": "us", "sub": "bob", "exp": 10_000, **claims}
        return jwt.encode(content, self.keys[key], algorithm="RS256", headers={"kid": key})

    async def discovery(self, request: web.Request) -> web.Response:
        return web.json_response({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})

    async def jwks(self, request: web.Request) -> web.Response:
        self.asked += 1
        algorithm = jwt.algorithms.RSAAlgorithm
        found = [
            {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": name}
            for name, key in self.keys.items()
        ]
        return web.json_response({"keys": found})


@asynccontextmanager
async def provider(directory: Path) -> AsyncIterator[Provider]:
    keys = directory / "pki"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(keys / "apiserver.crt", keys / "apiserver.key")
    made, app = Provider(), web.Application()
    app.router.add_get("/.well-known/openid-configuration", made.discovery)
    app.router.add_get("/keys", made.jwks)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        made.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
        yield made
    finally:
        await runner.cleanup()


async def test_tokens_of_an_issuer(tmp_path: Path) -> None:
    pki.ensure_pki(tmp_path)
    clock = FakeClock(1000.0)
    async with provider(tmp_path) as issuer:
        authority = (tmp_path / "pki" / "ca.crt").read_text()
        settings = Issuer(issuer.url, ("us",), NAME, Mapped("groups", "g:"), authority=authority)
        tokens = IDTokens(settings, clock)
        try:
            known = await tokens.identify(issuer.sign(groups=["a", "b"]))
            assert known is not None
            assert known.user.name == "oidc:bob"
            assert known.user.groups == ("g:a", "g:b", "system:authenticated")
            for bad in ({"aud": "them"}, {"exp": 999}, {"nbf": 2000}, {"sub": ""}):
                with pytest.raises(Unauthorized):
                    await tokens.identify(issuer.sign(**bad))
            assert await tokens.identify(issuer.sign(iss="https://else")) is None
            assert await tokens.identify("opaque") is None
            assert issuer.asked == 1
            issuer.keys["two"] = rsa.generate_private_key(65537, 2048)
            with pytest.raises(Unauthorized):  # too soon to ask again
                await tokens.identify(issuer.sign("two"))
            clock.advance(20.0)
            assert await tokens.identify(issuer.sign("two")) is not None
            assert issuer.asked == 2
        finally:
            await tokens.aclose()


async def test_an_issuer_that_is_away_makes_no_users(tmp_path: Path) -> None:
    tokens = IDTokens(Issuer("https://127.0.0.1:1", ("us",), NAME), FakeClock(1000.0))
    token = jwt.encode({"iss": "https://127.0.0.1:1"}, Provider().keys["one"], algorithm="RS256")
    with pytest.raises(Unauthorized):
        await tokens.identify(token)
    await tokens.aclose()


ISSUER = Issuer("https://i", ("us",), NAME)


@pytest.mark.parametrize(
    ("issuer", "claims", "name"),
    [
        pytest.param(ISSUER, {"sub": "b"}, "oidc:b", id="a claim"),
        pytest.param(ISSUER, {"sub": 7}, "name no user", id="not a string"),
        pytest.param(
            Issuer("https://i", (), Mapped("email")),
            {"email": "b@x", "email_verified": False},
            "not verified",
            id="an unverified address",
        ),
        pytest.param(
            Issuer("https://i", (), NAME, required=(("hd", "x"),)),
            {"sub": "b"},
            "claim hd",
            id="a claim needed",
        ),
        pytest.param(
            Issuer("https://i", (), Mapped(expression="claims.sub + '@' + claims.realm")),
            {"sub": "b", "realm": "r"},
            "b@r",
            id="an expression",
        ),
        pytest.param(
            Issuer("https://i", (), NAME, claim_rules=(Rule("claims.level > 3", "too low"),)),
            {"sub": "b", "level": 2},
            "too low",
            id="a rule over claims",
        ),
        pytest.param(
            Issuer(
                "https://i", (), NAME, user_rules=(Rule("!user.username.startsWith('oidc:system:')", "no"),)
            ),
            {"sub": "system:x"},
            "no",
            id="a rule over users",
        ),
    ],
)
def test_users_from_claims(issuer: Issuer, claims: dict[str, Any], name: str) -> None:
    try:
        found = user_of(issuer, claims).name
    except ClaimError as error:
        found = str(error)
    assert name in found


def document(**entry: Any) -> dict[str, Any]:
    issuer = {"url": "https://i", "audiences": ["us"]}
    jwt_entry = {"issuer": issuer, "claimMappings": {"username": {"claim": "sub", "prefix": ""}}, **entry}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": [jwt_entry],
    }


def test_a_configuration_file() -> None:
    mappings = {
        "username": {"expression": "claims.sub"},
        "uid": {"claim": "uid"},
        "extra": [{"key": "example.com/a", "valueExpression": "claims.a"}],
    }
    anonymous = {"enabled": True, "conditions": [{"path": "/livez"}]}
    settings = parse(document(claimMappings=mappings) | {"anonymous": anonymous})
    (issuer,) = settings.issuers
    assert settings.anonymous_paths == ("/livez",)
    user = user_of(issuer, {"sub": "b", "uid": "1", "a": ["x"]})
    assert (user.name, user.uid, user.extra) == ("b", "1", {"example.com/a": ["x"]})


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (document(issuer={"url": "http://i", "audiences": ["a"]}), "https"),
        (document(issuer={"url": "https://i"}), "audience"),
        (document(claimMappings={}), "username"),
        (document(claimMappings={"username": {"claim": "sub"}}), "prefix"),
        (document(userValidationRules=[{"expression": "1 +"}]), "compiled"),
        ({"kind": "Other"}, "not an AuthenticationConfiguration"),
    ],
)
def test_configurations_that_are_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(wrong)


async def test_issuers_come_and_go_and_those_that_stay_keep_their_keys(tmp_path: Path) -> None:
    pki.ensure_pki(tmp_path)
    authority = (tmp_path / "pki" / "ca.crt").read_text()
    async with provider(tmp_path) as one, provider(tmp_path) as other:
        first, second = (
            Issuer(url=each.url, audiences=("us",), username=NAME, authority=authority)
            for each in (one, other)
        )
        issuers = Issuers(FakeClock(1000.0))
        issuers.use((first,))
        try:
            assert await issuers.identify(one.sign())
            assert await issuers.identify(other.sign()) is None
            issuers.use((first, second))
            assert await issuers.identify(other.sign())
            assert await issuers.identify(one.sign())
            assert one.asked == 1
            issuers.use((second,))
            assert await issuers.identify(one.sign()) is None
        finally:
            await issuers.aclose()
