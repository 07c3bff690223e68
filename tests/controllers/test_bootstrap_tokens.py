"""Bootstrap tokens: what a Secret must be, what they sign, when they go."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from tests.controllers.cluster import running

from steersman.api import kinds
from steersman.api.bootstrap_token import parse_secret, split_token
from steersman.api.times import rfc3339
from steersman.controllers.bootstrap_tokens.signer import plan_signatures

if TYPE_CHECKING:
    from steersman.client.rest import Client

SECRET = "0123456789abcdef"


def token_secret(identity: str = "abcdef", name: str = "", **data: str) -> dict[str, Any]:
    content = {
        "token-id": identity,
        "token-secret": SECRET,
        "usage-bootstrap-signing": "true",
        **{key.replace("_", "-"): value for key, value in data.items()},
    }
    return {
        "metadata": {"name": name or f"bootstrap-token-{identity}", "namespace": "kube-system"},
        "type": "bootstrap.kubernetes.io/token",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in content.items()},
    }


@pytest.mark.parametrize(
    ("text", "parts"),
    [(f"abcdef.{SECRET}", ("abcdef", SECRET)), ("abcdef", None), (f"ABCDEF.{SECRET}", None), ("a.b", None)],
)
def test_the_form_of_a_token(text: str, parts: tuple[str, str] | None) -> None:
    assert split_token(text) == parts


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        (token_secret(name="another"), "name"),
        (token_secret("short"), "6 and 16"),
        (token_secret(auth_extra_groups="system:masters"), "group"),
        (token_secret() | {"type": "Opaque"}, "type"),
    ],
)
def test_secrets_that_are_no_tokens(secret: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_secret(secret)


@pytest.mark.filterwarnings("ignore:The HMAC key is 16 bytes")  # as long as tokens' secrets are
def test_a_signature_verifies_as_a_detached_jws() -> None:
    old = {"kubeconfig": "content", "jws-kubeconfig-gone00": "x"}
    expired = token_secret("expire", expiration=rfc3339(5))
    silent = token_secret("silent", usage_bootstrap_signing="false")
    data = plan_signatures(old, [token_secret(), expired, silent], 10.0)
    assert set(data) == {"kubeconfig", "jws-kubeconfig-abcdef"}
    content = base64.urlsafe_b64encode(b"content").rstrip(b"=").decode()
    whole = data["jws-kubeconfig-abcdef"].replace("..", f".{content}.")
    assert jwt.api_jws.decode(whole, SECRET, algorithms=["HS256"]) == b"content"
    assert jwt.get_unverified_header(whole)["kid"] == "abcdef"


async def test_cluster_info_is_signed_and_expired_tokens_go(client: Client) -> None:
    for name in ("kube-public", "kube-system"):
        assert await client.get(kinds.NAMESPACES, name)
    info = {"metadata": {"name": "cluster-info"}, "data": {"kubeconfig": "content"}}
    await client.create(kinds.CONFIG_MAPS, info, "kube-public")
    for secret in (token_secret(), token_secret("expire", expiration=rfc3339(5))):
        await client.create(kinds.SECRETS, secret, "kube-system")
    async with running(client, "bootstrap-signer-controller", "token-cleaner-controller") as cluster:

        async def signed() -> bool:
            found = await client.get(kinds.CONFIG_MAPS, "cluster-info", "kube-public")
            return set(found["data"]) == {"kubeconfig", "jws-kubeconfig-abcdef"}

        async def cleaned() -> bool:
            listed = await client.list(kinds.SECRETS, "kube-system")
            return len(listed["items"]) == 1

        await cluster.eventually(signed)
        await cluster.eventually(cleaned)
