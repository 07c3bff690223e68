"""A certificate from a request, by the cluster's CA."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from steersman.controllers.certificates.signers import lifetime

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.controllers.certificates.requests import Wanted

BACKDATE = 300
"""Seconds a certificate is valid before it was made: clocks differ."""
_BITS = {
    "digital signature": "digital_signature",
    "signing": "digital_signature",
    "content commitment": "content_commitment",
    "key encipherment": "key_encipherment",
    "key agreement": "key_agreement",
    "data encipherment": "data_encipherment",
}
_EXTENDED = {
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
}


class Authority:
    """The CA in two PEM files, read again when they change."""

    def __init__(self, certificate: str, key: str) -> None:
        self._paths = Path(certificate), Path(key)
        self._read: tuple[tuple[int, int], Any, Any] | None = None

    def _load(self) -> tuple[Any, Any]:
        """Raises: OSError, ValueError."""
        stamps = self._paths[0].stat().st_mtime_ns, self._paths[1].stat().st_mtime_ns
        if self._read is None or self._read[0] != stamps:
            certificate = x509.load_pem_x509_certificate(self._paths[0].read_bytes())
            key = serialization.load_pem_private_key(self._paths[1].read_bytes(), None)
            self._read = (stamps, certificate, key)
        return self._read[1], self._read[2]

    def sign(
        self, wanted: Wanted, usages: Iterable[str], now: float, asked: int | None, most: float
    ) -> bytes:
        """A certificate, PEM, for what was asked; `asked` and `most` in seconds. Raises: OSError,
        ValueError."""
        authority, key = self._load()
        left = authority.not_valid_after_utc.timestamp() - now
        if left <= 0:
            raise ValueError("the CA's certificate has expired")
        seconds = lifetime(asked, most, left)
        builder = _builder(wanted, set(usages), authority, now, seconds)
        digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        return builder.sign(key, digest).public_bytes(serialization.Encoding.PEM)


def _builder(
    wanted: Wanted, usages: set[str], authority: Any, now: float, seconds: float
) -> x509.CertificateBuilder:
    start = min(now, now + seconds - 1) - BACKDATE
    builder = (
        x509.CertificateBuilder()
        .subject_name(wanted.parsed.subject)
        .issuer_name(authority.subject)
        .public_key(wanted.parsed.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(start, UTC))
        .not_valid_after(datetime.fromtimestamp(now + seconds, UTC))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(usages), critical=True)
        .add_extension(_authority_key(authority), critical=False)
    )
    extended = [_EXTENDED[usage] for usage in sorted(usages) if usage in _EXTENDED]
    if extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    if wanted.dns_names or wanted.addresses or wanted.emails or wanted.uris:
        names = wanted.parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        builder = builder.add_extension(names.value, critical=False)
    return builder


def _key_usage(usages: set[str]) -> x509.KeyUsage:
    bits = {_BITS[usage] for usage in usages if usage in _BITS}
    names = (*dict.fromkeys(_BITS.values()), "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: name in bits for name in names})


def _authority_key(authority: Any) -> x509.AuthorityKeyIdentifier:
    try:
        own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
