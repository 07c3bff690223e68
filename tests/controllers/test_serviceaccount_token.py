"""Tokens kept in Secrets: filled in, and gone with their account."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from tests.controllers.cluster import running

from steersman.api import kinds
from steersman.api.errors import NotFound
from steersman.apiserver.authn.serviceaccount.claims import parse_claims
from steersman.bootstrap import pki
from steersman.controllers import ControllerManagerConfig
from steersman.controllers.serviceaccount_token import TYPE, Signer

if TYPE_CHECKING:
    from pathlib import Path

    from steersman.api.types import Object
    from steersman.client import Client

NOTES = {"kubernetes.io/service-account.name": "robot"}


def secret() -> Object:
    return {"metadata": {"name": "robot-token", "annotations": NOTES}, "type": TYPE}


async def test_a_secret_is_filled_and_goes_with_its_account(client: Client, tmp_path: Path) -> None:
    pki.ensure_pki(tmp_path)
    config = ControllerManagerConfig(
        controllers=("serviceaccount-token-controller",),
        service_account_key_file=str(tmp_path / "pki" / "sa.key"),
        root_ca=b"PEM",
    )
    async with running(client, config=config) as cluster:
        account = await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "robot"}}, "default")
        await client.create(kinds.SECRETS, secret(), "default")

        async def filled() -> Object | None:
            found = await client.get(kinds.SECRETS, "robot-token", "default")
            return found if found.get("data") else None

        found = await cluster.eventually(filled)
        assert isinstance(found, dict)
        data = {name: base64.b64decode(value).decode() for name, value in found["data"].items()}
        assert (data["ca.crt"], data["namespace"], data["token"].count(".")) == ("PEM", "default", 2)
        notes = found["metadata"]["annotations"]
        assert notes["kubernetes.io/service-account.uid"] == account["metadata"]["uid"]

        await client.delete(kinds.SERVICE_ACCOUNTS, "robot", "default")

        async def gone() -> bool:
            listed = await client.list(kinds.SECRETS, "default")
            return not listed["items"]

        await cluster.eventually(gone)
    with pytest.raises(NotFound):
        await client.get(kinds.SECRETS, "robot-token", "default")


def test_the_authenticator_reads_the_claims(tmp_path: Path) -> None:
    import jwt

    pki.ensure_pki(tmp_path)
    signer = Signer((tmp_path / "pki" / "sa.key").read_bytes())
    account = {"metadata": {"name": "robot", "namespace": "ns", "uid": "u"}}
    token = signer.token({"metadata": {"name": "robot-token", "namespace": "ns"}}, account)
    claims = parse_claims(jwt.decode(token, options={"verify_signature": False}))
    assert claims is not None
    assert claims.legacy
    assert (claims.account.name, claims.account.uid) == ("robot", "u")
    assert claims.secret is not None
    assert claims.secret.name == "robot-token"
