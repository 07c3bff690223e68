"""Runtime classes, ingress classes, claims that grow, and the signers of certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from steersman.api import kinds
from steersman.api.errors import Forbidden
from steersman.apiserver.admission.default_ingress_class import DEFAULT_ANNOTATION, default_class
from steersman.apiserver.admission.owner_references_permission_enforcement import blocking
from steersman.apiserver.admission.runtime_class import plan_pod, refusal
from steersman.apiserver.admission.signers import organizations
from steersman.apiserver.authn import User
from steersman.client.rest import Client

if TYPE_CHECKING:
    from steersman.apiserver.server import APIServer

CLASS: dict[str, Any] = {
    "metadata": {"name": "sandboxed"},
    "handler": "runsc",
    "overhead": {"podFixed": {"cpu": "250m"}},
    "scheduling": {"nodeSelector": {"a": "b"}, "tolerations": [{"key": "k", "operator": "Exists"}]},
}


def test_a_pod_gets_what_its_runtime_class_sets() -> None:
    plan = plan_pod({"nodeSelector": {"c": "d"}}, CLASS)
    assert plan == {
        "overhead": {"cpu": "250m"},
        "nodeSelector": {"c": "d", "a": "b"},
        "tolerations": [{"key": "k", "operator": "Exists"}],
    }


def test_a_node_selector_against_the_class_is_refused() -> None:
    assert refusal({"nodeSelector": {"a": "c"}}, CLASS).startswith(
        "conflict: runtimeClass.scheduling.nodeSelector[a] = b"
    )


async def test_a_missing_runtime_class_is_refused(client: Client) -> None:
    await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "default")
    spec = {"containers": [{"name": "c", "image": "i"}], "runtimeClassName": "none"}
    with pytest.raises(Forbidden, match='pod rejected: RuntimeClass "none" not found'):
        await client.create(kinds.PODS, {"metadata": {"name": "p"}, "spec": spec}, "default")
    await client.create(kinds.RUNTIME_CLASSES, dict(CLASS))
    spec["runtimeClassName"] = "sandboxed"
    made = await client.create(kinds.PODS, {"metadata": {"name": "p"}, "spec": spec}, "default")
    assert made["spec"]["overhead"] == {"cpu": "250m"}


def test_the_newest_default_ingress_class_is_taken() -> None:
    def one(name: str, created: str) -> dict[str, Any]:
        notes = {DEFAULT_ANNOTATION: "true"}
        return {"metadata": {"name": name, "annotations": notes, "creationTimestamp": created}}

    chosen = default_class([one("old", "2020"), one("new", "2021")])
    assert chosen is not None
    assert chosen["metadata"]["name"] == "new"


def test_a_reference_that_blocks_anew_is_found() -> None:
    before = [{"uid": "1"}]
    after = [{"uid": "1", "blockOwnerDeletion": True}]
    assert blocking(before, after) == after
    assert not blocking(after, after)


def signing_request(organization: str) -> str:
    import base64

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, "eve"),
        ]
    )
    key = ec.generate_private_key(ec.SECP256R1())
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


def request_of(organization: str) -> dict[str, Any]:
    spec = {
        "request": signing_request(organization),
        "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": ["client auth"],
    }
    return {"metadata": {"name": "csr"}, "spec": spec}


def test_what_is_no_request_has_no_organizations() -> None:
    assert organizations("bm90aGluZw==") == []


async def test_nobody_gets_a_certificate_of_the_masters(client: Client) -> None:
    with pytest.raises(Forbidden, match="with system:masters group is not allowed"):
        await client.create(kinds.CERTIFICATE_SIGNING_REQUESTS, request_of("system:masters"))


async def test_approving_needs_the_right_to_approve(apiserver: APIServer, client: Client) -> None:
    made = await client.create(kinds.CERTIFICATE_SIGNING_REQUESTS, request_of("devs"))
    rules = [
        {
            "apiGroups": ["certificates.k8s.io"],
            "resources": ["certificatesigningrequests", "certificatesigningrequests/approval"],
            "verbs": ["get", "update"],
        }
    ]
    role = {"metadata": {"name": "approver"}, "rules": rules}
    await client.create(kinds.CLUSTER_ROLES, role)
    binding = {
        "metadata": {"name": "approver"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "approver"},
        "subjects": [{"kind": "User", "name": "ann", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    await client.create(kinds.CLUSTER_ROLE_BINDINGS, binding)
    made["status"] = {"conditions": [{"type": "Approved", "status": "True", "reason": "r"}]}
    async with Client(apiserver.transport(User("ann", groups=("system:authenticated",)))) as ann:
        with pytest.raises(Forbidden, match="user not permitted to approve requests with signerName"):
            await ann.update(kinds.CERTIFICATE_SIGNING_REQUESTS, made, subresource="approval")
    await client.update(kinds.CERTIFICATE_SIGNING_REQUESTS, made, subresource="approval")
