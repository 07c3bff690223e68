"""X.509 by the `cryptography` library: ECDSA P-256, PEM in and out. Loaded only when something is issued."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from steersman.bootstrap.pki import KeyPair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.bootstrap.pki import Issue

BACKDATE = 300
"""Seconds a certificate is valid before it was made: clocks differ."""


def new_key_pair() -> tuple[bytes, bytes]:
    """Make an ECDSA P-256 key: (private, public) PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private_pem(key), public


def new_ca(common_name: str, now: float, lifetime: float) -> KeyPair:
    """Make a self-signed CA; `lifetime` in seconds."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = subject(common_name, ())
    builder = base_builder(name, name, key.public_key(), now, lifetime)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(key_usage(ca=True), critical=True)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(common_name)]), critical=False)
    return KeyPair(certificate_pem(builder.sign(key, hashes.SHA256())), private_pem(key))


def sign(ca: KeyPair, issue: Issue, now: float, lifetime: float) -> KeyPair:
    """Make a key and a certificate signed by `ca`: for a server when it has SANs, for a client otherwise."""
    authority = x509.load_pem_x509_certificate(ca.certificate)
    ca_key = serialization.load_pem_private_key(ca.key, password=None)
    if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
        raise TypeError("the CA key is not an elliptic-curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    name = subject(issue.common_name, issue.organizations)
    builder = base_builder(name, authority.subject, key.public_key(), now, lifetime)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(key_usage(ca=False), critical=True)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
    )
    usages = [ExtendedKeyUsageOID.SERVER_AUTH if issue.sans else ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if issue.sans:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(general_names(issue.sans)), critical=False
        )
    return KeyPair(certificate_pem(builder.sign(ca_key, hashes.SHA256())), private_pem(key))


def base_builder(
    name: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, now: float, lifetime: float
) -> x509.CertificateBuilder:
    """Fill in what every certificate has."""
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(now - BACKDATE, UTC))
        .not_valid_after(datetime.fromtimestamp(now + lifetime, UTC))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def subject(common_name: str, organizations: Sequence[str]) -> x509.Name:
    """Name a user (common name) and its groups (organizations)."""
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in organizations]
    return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def general_names(sans: Sequence[str]) -> list[x509.GeneralName]:
    """Tell addresses from names."""
    names: list[x509.GeneralName] = []
    for san in sans:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(san)))
        except ValueError:
            names.append(x509.DNSName(san))
    return names


def key_usage(*, ca: bool) -> x509.KeyUsage:
    """What the key may do: sign certificates, or sign and encipher."""
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Encode a key as PKCS #8."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """Encode a certificate."""
    return certificate.public_bytes(serialization.Encoding.PEM)
