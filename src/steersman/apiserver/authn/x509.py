"""Client certificates: CN is the user, every O a group.

TLS has verified the chain against the loaded authorities; here the certificate must be issued by the
cluster's own CA, because the front proxy's CA is loaded into the same TLS context and must not make users.
What a certificate says is worked out once per connection. Source: "Authenticating", X509 client certificates.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from steersman.api.errors import Unauthorized
from steersman.apiserver.authn import User, authenticated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cryptography.x509 import Certificate

    from steersman.apiserver.http.values import Request

MAX_KNOWN = 1024
"""Certificates remembered, about 2 KiB each; all are dropped when there are more."""

CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"


class CertificateAuthority:
    """A PEM bundle against which leaf certificates are checked; read on first use."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._certificates: list[Certificate] | None = None

    @property
    def path(self) -> Path:
        """The bundle's file."""
        return self._path

    def forget(self) -> None:
        """Read the bundle again when it is next needed."""
        self._certificates = None

    def issued(self, leaf: Certificate) -> bool:
        """Whether one of the bundle's authorities signed the certificate."""
        return any(_signed(leaf, authority) for authority in self._load())

    def _load(self) -> list[Certificate]:
        if self._certificates is None:
            from cryptography.x509 import load_pem_x509_certificates

            self._certificates = load_pem_x509_certificates(self._path.read_bytes())
        return self._certificates


def _signed(leaf: Certificate, authority: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    if leaf.issuer != authority.subject:
        return False
    try:
        leaf.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def parse_leaf(der: bytes) -> Certificate:
    from cryptography.x509 import load_der_x509_certificate

    return load_der_x509_certificate(der)


def common_name(leaf: Certificate) -> str:
    from cryptography.x509.oid import NameOID

    names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def user_of(leaf: Certificate) -> User:
    """The identity a certificate of the cluster CA stands for (without system:authenticated)."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import NameOID

    organizations = leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return User(
        name=common_name(leaf),
        groups=tuple(str(organization.value) for organization in organizations),
        extra={CREDENTIAL_ID: [f"X509SHA256={leaf.fingerprint(SHA256()).hex()}"]},
    )


class X509Authenticator:
    """Recognises the client certificate of the connection; what a certificate says is worked out once."""

    def __init__(self, authority: CertificateAuthority, *, now: Callable[[], float] = time.time) -> None:
        self._authority = authority
        self._now = now
        self._known: dict[bytes, tuple[User | None, float]] = {}

    def forget(self) -> None:
        """Examine every certificate anew: the authorities have changed."""
        self._authority.forget()
        self._known.clear()

    async def authenticate(self, request: Request) -> User | None:
        certificate = request.peer.certificate
        if certificate is None:
            return None
        known = self._known.get(certificate)
        if known is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            known = self._known[certificate] = self._examine(certificate)
        user, not_after = known
        if user is not None and self._now() > not_after:
            raise Unauthorized()
        return user

    def _examine(self, certificate: bytes) -> tuple[User | None, float]:
        leaf = parse_leaf(certificate)
        if not self._authority.issued(leaf):
            return None, 0.0
        user = user_of(leaf)
        if not user.name:
            return None, 0.0
        return authenticated(user), leaf.not_valid_after_utc.timestamp()
