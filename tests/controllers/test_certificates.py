"""Signing requests: what is approved, what is signed, when they go."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tests.controllers.cluster import running

from steersman.api import kinds
from steersman.api.times import parse_time, rfc3339
from steersman.apiserver.authn import User
from steersman.bootstrap import pki
from steersman.client.rest import Client
from steersman.controllers import ControllerManagerConfig
from steersman.controllers.certificates import cleaner
from steersman.controllers.certificates.requests import read_request
from steersman.controllers.certificates.signers import (
    CLIENT,
    CLIENT_KUBELET,
    KUBELET_SERVING,
    lifetime,
    refusal,
)

if TYPE_CHECKING:
    from pathlib import Path

    from steersman.apiserver.server import APIServer

NODE = User("system:node:n1", groups=("system:nodes", "system:authenticated"))
NODE_USAGES = ["digital signature", "client auth"]


def pem_request(name: str, organization: str = "", dns: str = "") -> str:
    """A signing request, base64 of its PEM."""
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if organization:
        subject.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if dns:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(dns)]), critical=False)
    made = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


def csr(name: str, request: str, signer: str, usages: list[str], **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"request": request, "signerName": signer, "usages": usages, **spec},
    }


@pytest.mark.parametrize(
    ("signer", "request_", "usages", "why"),
    [
        pytest.param(CLIENT, ("bob", "devs"), ["client auth"], "", id="a user"),
        pytest.param(CLIENT, ("bob", "system:masters"), ["client auth"], "masters", id="no master"),
        pytest.param(CLIENT, ("bob",), ["server auth"], "must include client auth", id="for no server"),
        pytest.param(CLIENT_KUBELET, ("system:node:a", "system:nodes"), NODE_USAGES, "", id="a node"),
        pytest.param(CLIENT_KUBELET, ("a", "system:nodes"), NODE_USAGES, "common name", id="no node's name"),
        pytest.param(CLIENT_KUBELET, ("system:node:a",), NODE_USAGES, "organization", id="no node's group"),
        pytest.param(
            CLIENT_KUBELET, ("system:node:a", "system:nodes", "x"), NODE_USAGES, "alternative", id="no names"
        ),
        pytest.param(
            CLIENT_KUBELET,
            ("system:node:a", "system:nodes"),
            [*NODE_USAGES, "server auth"],
            "must not include",
            id="no more usages",
        ),
        pytest.param(
            KUBELET_SERVING,
            ("system:node:a", "system:nodes", "a.local"),
            ["digital signature", "server auth"],
            "",
            id="a node's server",
        ),
        pytest.param(
            KUBELET_SERVING,
            ("system:node:a", "system:nodes"),
            ["digital signature", "server auth"],
            "needs a DNS name",
            id="a server without a name",
        ),
    ],
)
def test_what_signers_accept(signer: str, request_: tuple[str, ...], usages: list[str], why: str) -> None:
    wanted = read_request({"spec": {"request": pem_request(*request_)}})
    found = refusal(signer, wanted, usages)
    assert why in found if why else found == ""


@pytest.mark.parametrize(
    ("asked", "left", "seconds"), [(None, 9000, 3600), (700, 9000, 700), (1, 9000, 600), (None, 50, 50)]
)
def test_how_long_a_certificate_lives(asked: int | None, left: float, seconds: float) -> None:
    assert lifetime(asked, 3600, left) == seconds


def test_a_request_that_is_none() -> None:
    with pytest.raises(ValueError, match="Unable to load"):
        read_request({"spec": {"request": "bm9uZQ=="}})


async def test_a_node_renews_its_certificate(apiserver: APIServer, client: Client, tmp_path: Path) -> None:
    pki.ensure_pki(tmp_path)
    keys = tmp_path / "pki"
    config = ControllerManagerConfig(
        controllers=(
            "certificatesigningrequest-approving-controller",
            "certificatesigningrequest-signing-controller",
        ),
        signing_cert_file=str(keys / "ca.crt"),
        signing_key_file=str(keys / "ca.key"),
    )
    request = pem_request("system:node:n1", "system:nodes")
    wanted = csr("mine", request, CLIENT_KUBELET, NODE_USAGES, expirationSeconds=3600)
    async with running(client, config=config) as cluster, Client(apiserver.transport(NODE)) as node:
        await node.create(kinds.CERTIFICATE_SIGNING_REQUESTS, wanted)

        async def issued() -> object:
            found = await client.get(kinds.CERTIFICATE_SIGNING_REQUESTS, "mine")
            return (found.get("status") or {}).get("certificate")

        made = x509.load_pem_x509_certificate(base64.b64decode(str(await cluster.eventually(issued))))
    authority = x509.load_pem_x509_certificate((keys / "ca.crt").read_bytes())
    made.verify_directly_issued_by(authority)
    usages = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    left = made.not_valid_after_utc.timestamp() - made.not_valid_before_utc.timestamp()
    assert left == pytest.approx(3600 + 300, abs=2)


async def test_a_request_that_a_signer_refuses_fails(client: Client, tmp_path: Path) -> None:
    pki.ensure_pki(tmp_path)
    config = ControllerManagerConfig(
        controllers=("certificatesigningrequest-signing-controller",),
        signing_cert_file=str(tmp_path / "pki" / "ca.crt"),
        signing_key_file=str(tmp_path / "pki" / "ca.key"),
    )
    made = await client.create(
        kinds.CERTIFICATE_SIGNING_REQUESTS, csr("bad", pem_request("bob"), CLIENT_KUBELET, NODE_USAGES)
    )
    condition = {"type": "Approved", "status": "True", "reason": "Test", "message": ""}
    await client.update(
        kinds.CERTIFICATE_SIGNING_REQUESTS,
        made | {"status": {"conditions": [condition]}},
        subresource="approval",
    )
    async with running(client, config=config) as cluster:

        async def failed() -> object:
            found = await client.get(kinds.CERTIFICATE_SIGNING_REQUESTS, "bad")
            return [one["reason"] for one in found["status"]["conditions"] if one["type"] == "Failed"]

        assert await cluster.eventually(failed) == ["SignerValidationFailure"]


@pytest.mark.parametrize(
    ("conditions", "seconds"),
    [
        ([], 86400.0),
        ([{"type": "Approved", "lastUpdateTime": rfc3339(100)}], 3600.0 + 100),
        ([{"type": "Denied", "lastTransitionTime": rfc3339(50)}], 3600.0 + 50),
    ],
)
def test_when_requests_are_of_no_more_use(conditions: list[dict[str, str]], seconds: float) -> None:
    request = {"metadata": {"creationTimestamp": rfc3339(0)}, "status": {"conditions": conditions}}
    assert cleaner.end_of(request) == seconds
    assert parse_time(rfc3339(0)) == 0
