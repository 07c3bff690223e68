"""The certificate plug-ins: who may approve and sign for a signer, and which subjects nobody gets.

    CertificateApproval            changing the conditions by `approval` needs `approve` on the signer
    CertificateSigning             setting status.certificate needs `sign` on the signer
    CertificateSubjectRestriction  the API's client signer gives no certificate of system:masters
    ClusterTrustBundleAttest       a bundle that names a signer needs `attest` on it

Signers are asked about as `signers` of certificates.k8s.io, by full name or as `<domain>/*`. Source:
"Certificates and Certificate Signing Requests".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.kinds import CERTIFICATE_SIGNING_REQUESTS, CLUSTER_TRUST_BUNDLES
from steersman.apiserver.admission.plugin import AdmissionPlugin, forbidden
from steersman.apiserver.authn import MASTERS
from steersman.apiserver.authz import Attributes as Question
from steersman.apiserver.authz import Verdict
from steersman.apiserver.authz.chain import decide

if TYPE_CHECKING:
    from cryptography.x509 import Name

    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes, Operation
    from steersman.apiserver.api import API

CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
_UPDATE: tuple[Operation, ...] = ("UPDATE",)


async def may_use_signer(api: API, attributes: Attributes, verb: str, signer: str) -> bool:
    """Whether the writer may `verb` for a signer."""
    for name in (signer, f"{signer.partition('/')[0]}/*"):
        question = Question(
            user=attributes.user,
            verb=verb,
            is_resource=True,
            group="certificates.k8s.io",
            version="*",
            resource="signers",
            name=name,
        )
        if (await decide(api, question)).verdict is Verdict.ALLOW:
            return True
    return False


def signer_of(obj: Object | None) -> str:
    """The signer a request or bundle names."""
    return str(((obj or {}).get("spec") or {}).get("signerName") or "")


class CertificateApproval(AdmissionPlugin):
    name = "CertificateApproval"
    resources = (CERTIFICATE_SIGNING_REQUESTS,)
    operations = _UPDATE
    subresources = ("approval",)

    async def validate(self, attributes: Attributes) -> None:
        signer = signer_of(attributes.old)
        if not await may_use_signer(self.api, attributes, "approve", signer):
            raise forbidden(attributes, f'user not permitted to approve requests with signerName "{signer}"')


class CertificateSigning(AdmissionPlugin):
    name = "CertificateSigning"
    resources = (CERTIFICATE_SIGNING_REQUESTS,)
    operations = _UPDATE
    subresources = ("status",)

    async def validate(self, attributes: Attributes) -> None:
        old, new = (
            ((obj or {}).get("status") or {}).get("certificate") or ""
            for obj in (attributes.old, attributes.obj)
        )
        if old == new:
            return
        signer = signer_of(attributes.old)
        if not await may_use_signer(self.api, attributes, "sign", signer):
            raise forbidden(attributes, f'user not permitted to sign requests with signerName "{signer}"')


class CertificateSubjectRestriction(AdmissionPlugin):
    name = "CertificateSubjectRestriction"
    resources = (CERTIFICATE_SIGNING_REQUESTS,)

    async def validate(self, attributes: Attributes) -> None:
        if signer_of(attributes.obj) != CLIENT_SIGNER:
            return
        assert attributes.obj is not None
        if MASTERS in organizations(str(attributes.obj["spec"].get("request") or "")):
            raise forbidden(attributes, f"use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed")


def organizations(encoded: str) -> list[str]:
    """The organizations of a base64 PEM request; none of what is no request (validation speaks then)."""
    from cryptography.x509.oid import NameOID

    subject = _subject(encoded)
    found = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME) if subject is not None else ()
    return [str(entry.value) for entry in found]


def common_name(encoded: str) -> str | None:
    """The common name of a base64 PEM request; None for what is no request."""
    from cryptography.x509.oid import NameOID

    subject = _subject(encoded)
    if subject is None:
        return None
    found = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _subject(encoded: str) -> Name | None:
    import base64
    import binascii

    from cryptography import x509

    try:
        return x509.load_pem_x509_csr(base64.b64decode(encoded)).subject
    except (ValueError, binascii.Error):
        return None


class ClusterTrustBundleAttest(AdmissionPlugin):
    name = "ClusterTrustBundleAttest"
    resources = (CLUSTER_TRUST_BUNDLES,)
    operations: tuple[Operation, ...] = ("CREATE", "UPDATE")

    async def validate(self, attributes: Attributes) -> None:
        signer = signer_of(attributes.obj)
        spec = (attributes.obj or {}).get("spec")
        if not signer or (attributes.old is not None and attributes.old.get("spec") == spec):
            return
        if not await may_use_signer(self.api, attributes, "attest", signer):
            raise forbidden(attributes, f'user not permitted to attest for signerName "{signer}"')
