"""Service-account tokens: issued, recognised, and refused once what they hang on is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from steersman.api.errors import Conflict, Invalid, NotFound, Unauthorized
from steersman.apiserver.authn.bearer import REMEMBER_SECONDS, BearerAuthenticator
from steersman.apiserver.authn.serviceaccount.authenticator import ServiceAccountTokens
from steersman.apiserver.authn.serviceaccount.issuer import TokenIssuer
from steersman.apiserver.authn.serviceaccount.keys import KeyRing
from steersman.bootstrap import pki
from steersman.runtime.clock import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

ISSUER = "https://kubernetes.default.svc.cluster.local"


class Objects(dict[tuple[str, str, str], dict[str, Any]]):
    """Live objects by kind, namespace and name."""

    async def __call__(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        return self.get((kind, namespace, name))

    def add(self, kind: str, namespace: str, name: str, **spec: Any) -> None:
        metadata = {"name": name, "namespace": namespace, "uid": f"uid-{name}"}
        self[kind, namespace, name] = {"metadata": metadata, "spec": spec}


class World:
    def __init__(self, keys: KeyRing) -> None:
        self.clock = FakeClock()
        self.objects = Objects()
        self.objects.add("serviceaccounts", "a", "sa")
        self.objects.add("pods", "a", "p", serviceAccountName="sa", nodeName="n")
        self.objects.add("nodes", "", "n")
        settings: Any = {"issuer": ISSUER, "audiences": (ISSUER,), "now": self.clock.time}
        self.issuer = TokenIssuer(keys, self.objects, **settings)
        source = ServiceAccountTokens(keys, self.objects, **settings)
        self.bearer = BearerAuthenticator([source], monotonic=self.clock.monotonic)

    async def token(self, **spec: Any) -> str:
        answer = await self.issuer.issue("a", "sa", {"spec": spec})
        return str(answer["status"]["token"])

    async def accepts(self, token: str, audiences: tuple[str, ...] = ()) -> bool:
        return await self.bearer.identify(token, audiences) is not None


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    directory: Path = tmp_path_factory.mktemp("keys")
    pki.ensure_pki(directory)
    return KeyRing(directory / "pki" / "sa.key", (directory / "pki" / "sa.pub",))


@pytest.fixture
def world(keys: KeyRing) -> World:
    return World(keys)


POD = {"apiVersion": "v1", "kind": "Pod", "name": "p"}


async def test_a_token_says_who_and_where(world: World) -> None:
    known = await world.bearer.identify(await world.token(boundObjectRef=POD))
    assert known is not None
    user = known.user
    assert user is not None
    assert (user.name, user.uid) == ("system:serviceaccount:a:sa", "uid-sa")
    assert user.groups == ("system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated")
    assert user.extra["authentication.kubernetes.io/pod-name"] == ["p"]
    assert user.extra["authentication.kubernetes.io/node-name"] == ["n"]


async def test_a_token_ends_with_its_time(world: World) -> None:
    token = await world.token(expirationSeconds=600)
    assert await world.accepts(token)
    world.clock.advance(601)
    assert not await world.accepts(token)


@pytest.mark.parametrize("gone", [("pods", "a", "p"), ("serviceaccounts", "a", "sa")], ids=["pod", "account"])
async def test_a_token_ends_with_what_it_is_bound_to(world: World, gone: tuple[str, str, str]) -> None:
    token = await world.token(boundObjectRef=POD)
    assert await world.accepts(token)
    del world.objects[gone]
    world.clock.advance(REMEMBER_SECONDS + 1)
    assert not await world.accepts(token)


async def test_a_token_for_the_former_account_of_that_name_is_refused(world: World) -> None:
    token = await world.token()
    world.objects["serviceaccounts", "a", "sa"]["metadata"]["uid"] = "another"
    assert not await world.accepts(token)


async def test_a_token_for_others_is_not_for_us(world: World) -> None:
    token = await world.token(audiences=["vault"])
    assert not await world.accepts(token)
    assert await world.accepts(token, ("vault",))


@pytest.mark.parametrize("part", [1, 2], ids=["claims", "signature"])
async def test_a_changed_token_is_refused(world: World, part: int) -> None:
    pieces = (await world.token()).split(".")
    pieces[part] = pieces[part][:-10] + ("A" * 10 if not pieces[part].endswith("A" * 10) else "B" * 10)
    assert not await world.accepts(".".join(pieces))


async def test_unsigned_tokens_are_refused(world: World) -> None:
    import jwt

    claims = jwt.decode(await world.token(), options={"verify_signature": False})
    forged = jwt.encode(claims, "", algorithm="none")
    assert not await world.accepts(forged)


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ({"expirationSeconds": 599}, Invalid),
        ({"expirationSeconds": 1 << 33}, Invalid),
        ({"boundObjectRef": {**POD, "name": "q"}}, NotFound),
        ({"boundObjectRef": {**POD, "uid": "old"}}, Conflict),
    ],
    ids=["too short", "too long", "bound to nothing", "bound to a former pod"],
)
async def test_requests_that_cannot_be_met(
    world: World, spec: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await world.token(**spec)


async def test_the_issuer_of_an_unknown_account(world: World) -> None:
    with pytest.raises(NotFound):
        await world.issuer.issue("a", "nobody", {})


async def test_a_bad_bearer_token_is_unauthorized_not_anonymous(world: World) -> None:
    class Request:
        def __init__(self) -> None:
            self.headers = {"Authorization": "Bearer nonsense"}

    with pytest.raises(Unauthorized):
        await world.bearer.authenticate(Request())  # type: ignore[arg-type]
