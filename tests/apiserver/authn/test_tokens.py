"""Bootstrap tokens, tokens that a webhook knows, anonymous requests, renewed files."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from steersman.api import kinds
from steersman.api.times import rfc3339
from steersman.apiserver.authn.bearer import BearerAuthenticator
from steersman.apiserver.authn.bootstrap import BootstrapTokens
from steersman.apiserver.authn.webhook import WebhookTokens
from steersman.apiserver.http import tls
from steersman.apiserver.reload import Files
from steersman.apiserver.remote import RemoteFailed
from steersman.bootstrap import pki
from steersman.runtime.clock import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    from steersman.apiserver.server import APIServer
    from steersman.client.rest import Client

SECRET = "0123456789abcdef"


def bootstrap_secret(identity: str = "abcdef", **data: str) -> dict[str, Any]:
    content = {
        "token-id": identity,
        "token-secret": SECRET,
        "usage-bootstrap-authentication": "true",
        **{key.replace("_", "-"): value for key, value in data.items()},
    }
    return {
        "metadata": {"name": f"bootstrap-token-{identity}"},
        "type": "bootstrap.kubernetes.io/token",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in content.items()},
    }


async def test_bootstrap_tokens(apiserver: APIServer, client: Client) -> None:
    group = "system:bootstrappers:kubeadm:default-node-token"
    for secret in (
        bootstrap_secret(auth_extra_groups=group),
        bootstrap_secret("expire", expiration=rfc3339(5)),
        bootstrap_secret("unused", usage_bootstrap_authentication="false"),
    ):
        await client.create(kinds.SECRETS, secret, "kube-system")
    tokens = BootstrapTokens(apiserver.api)
    known = await tokens.identify(f"abcdef.{SECRET}")
    assert known is not None
    assert known.user.name == "system:bootstrap:abcdef"
    assert known.user.groups == ("system:bootstrappers", group, "system:authenticated")
    wrong = SECRET[::-1]
    for token in (f"abcdef.{wrong}", f"expire.{SECRET}", f"unused.{SECRET}", f"nobody.{SECRET}", "x"):
        assert await tokens.identify(token) is None


class Remote:
    """Answers with a status; counts."""

    def __init__(self, **status: Any) -> None:
        self.status, self.asked = status, 0

    async def ask(self, question: dict[str, Any], timeout: float) -> dict[str, Any]:
        self.asked += 1
        if not self.status:
            raise RemoteFailed("away")
        return question | {"status": self.status}


@pytest.mark.parametrize(
    ("status", "audiences", "accepted"),
    [
        ({"authenticated": True, "user": {"username": "bob"}}, (), True),
        ({"authenticated": True, "user": {"username": "bob"}, "audiences": ["api"]}, (), True),
        ({"authenticated": True, "user": {"username": "bob"}, "audiences": ["x"]}, (), False),
        ({"authenticated": True, "user": {"username": "bob"}, "audiences": ["x"]}, ("x", "y"), True),
        ({"authenticated": True}, (), False),
        ({"authenticated": False}, (), False),
        ({}, (), False),
    ],
)
async def test_tokens_a_webhook_knows(
    status: dict[str, Any], audiences: tuple[str, ...], accepted: bool
) -> None:
    clock, remote = FakeClock(0.0), Remote(**status)
    source = WebhookTokens(remote, clock, 120.0, ("api",))
    for _ in range(2):
        assert (await source.identify("t", audiences) is not None) is accepted
    assert remote.asked == (1 if status else 2)
    clock.advance(121.0)
    await source.identify("t", audiences)
    assert remote.asked == (2 if status else 3)


async def test_tokens_without_audiences_are_for_the_api_server_alone() -> None:
    remote = Remote(authenticated=True, user={"username": "bob"})
    bearer = BearerAuthenticator([_Plain(remote)], own_audiences=("api",))
    for audiences, common in (((), ("api",)), (("api", "x"), ("api",))):
        known = await bearer.identify("t", audiences)
        assert known is not None
        assert known.audiences == common
    assert await bearer.identify("t", ("x",)) is None


class _Plain:
    def __init__(self, remote: Remote) -> None:
        self._source = WebhookTokens(remote, FakeClock(0.0), 0.0)

    async def identify(self, token: str, audiences: tuple[str, ...] = ()) -> Any:
        from dataclasses import replace

        found = await self._source.identify(token)
        return found and replace(found, audiences=None)


def test_files_are_taken_up_when_they_change(tmp_path: Path) -> None:
    path, seen, files = tmp_path / "a", [], Files()
    path.write_text("1")

    def reload() -> None:
        if path.read_text() == "bad":
            raise ValueError("bad")
        seen.append(path.read_text())

    files.follow((path, ""), reload)
    for text in ("22", "bad", "333"):
        path.write_text(text)
        files.look()
        files.look()
    assert seen == ["22", "333"]


def test_a_certificate_that_does_not_fit_its_key_changes_nothing(tmp_path: Path) -> None:
    pki.ensure_pki(tmp_path)
    keys = tmp_path / "pki"
    cert, key, ca = (str(keys / name) for name in ("apiserver.crt", "apiserver.key", "ca.crt"))
    context = tls.server_context(cert, key, ca)
    assert context is not None
    tls.reload(context, cert, key, ca)
    other = str(keys / "front-proxy-client.key")
    with pytest.raises(OSError, match=r"(?i)mismatch"):
        tls.reload(context, cert, other, ca)
