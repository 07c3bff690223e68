"""What a signing request asks for. Pure; the cryptography library is loaded with the first request."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steersman.api.types import Object

DECISIONS = ("Approved", "Denied")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The content of a PEM request."""

    common_name: str
    organizations: tuple[str, ...]
    dns_names: tuple[str, ...]
    addresses: tuple[str, ...]
    emails: tuple[str, ...]
    uris: tuple[str, ...]
    parsed: Any
    """cryptography's CertificateSigningRequest."""


def read_request(obj: Object) -> Wanted:
    """Raises: ValueError when the request cannot be read, or was not signed by its own key."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.x509.oid import NameOID

    try:
        pem = base64.b64decode((obj.get("spec") or {}).get("request") or "", validate=True)
        parsed = x509.load_pem_x509_csr(pem)
        if not parsed.is_signature_valid:
            raise ValueError("the request is not signed by its own key")
        names = _alternative_names(parsed)
    except (binascii.Error, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise ValueError(f"unable to read the request: {error}") from error
    found = parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    organizations = parsed.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return Wanted(
        common_name=str(found[0].value) if found else "",
        organizations=tuple(str(entry.value) for entry in organizations),
        dns_names=tuple(names.get_values_for_type(x509.DNSName)) if names else (),
        addresses=tuple(str(one) for one in names.get_values_for_type(x509.IPAddress)) if names else (),
        emails=tuple(names.get_values_for_type(x509.RFC822Name)) if names else (),
        uris=tuple(names.get_values_for_type(x509.UniformResourceIdentifier)) if names else (),
        parsed=parsed,
    )


def _alternative_names(parsed: Any) -> Any:
    from cryptography import x509

    try:
        return parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def conditions(obj: Object) -> dict[str, Object]:
    """A request's conditions by type."""
    return {one.get("type", ""): one for one in (obj.get("status") or {}).get("conditions") or ()}


def certificate(obj: Object) -> str:
    """The issued certificate, base64 PEM; empty before."""
    return str((obj.get("status") or {}).get("certificate") or "")
