"""The keys that sign and verify service-account tokens, with their JSON Web Key form.

EC P-256 keys sign ES256, RSA keys RS256. A key's id is the base64url SHA-256 of its public key in DER. The
cryptography library is loaded with the first token, not at start.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_CURVES = {"secp256r1": ("ES256", "P-256"), "secp384r1": ("ES384", "P-384"), "secp521r1": ("ES512", "P-521")}


@dataclass(frozen=True, slots=True)
class Key:
    """One key; `material` is cryptography's object, private for a signing key."""

    material: Any
    algorithm: str
    key_id: str


class KeyRing:
    """A signing key and the public keys that are accepted (the signing key's own always is)."""

    def __init__(self, private_path: Path, public_paths: tuple[Path, ...] = ()) -> None:
        self._private_path = private_path
        self._public_paths = public_paths
        self._signing: Key | None = None
        self._verifying: dict[str, Key] | None = None

    def forget(self) -> None:
        """Read the files again when a key is next needed."""
        self._signing = self._verifying = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files."""
        return self._private_path, *self._public_paths

    def signing(self) -> Key:
        if self._signing is None:
            from cryptography.hazmat.primitives.serialization import load_pem_private_key

            private: Any = load_pem_private_key(self._private_path.read_bytes(), None)
            public = _describe(private.public_key())
            self._signing = Key(private, public.algorithm, public.key_id)
        return self._signing

    def verifying(self) -> dict[str, Key]:
        """Accepted public keys by key id."""
        if self._verifying is None:
            from cryptography.hazmat.primitives.serialization import load_pem_public_key

            own = _describe(self.signing().material.public_key())
            keys = [own]
            for path in self._public_paths:
                keys += [_describe(load_pem_public_key(block)) for block in _blocks(path.read_bytes())]
            self._verifying = {key.key_id: key for key in keys}
        return self._verifying

    def jwks(self) -> dict[str, Any]:
        """The public keys as /openid/v1/jwks shows them."""
        return {"keys": [_jwk(key) for key in self.verifying().values()]}


def _blocks(pem: bytes) -> list[bytes]:
    """The keys of a file that holds one or several, as while they are being changed."""
    end = b"-----END PUBLIC KEY-----"
    pieces = [piece + end for piece in pem.split(end) if piece.strip()]
    return pieces if end in pem else [pem]


def _describe(public: Any) -> Key:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key_id = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    algorithm = _CURVES[public.curve.name][0] if isinstance(public, EllipticCurvePublicKey) else "RS256"
    return Key(public, algorithm, key_id)


def _jwk(key: Key) -> dict[str, Any]:
    numbers = key.material.public_numbers()
    jwk: dict[str, Any] = {"use": "sig", "kid": key.key_id, "alg": key.algorithm}
    if key.algorithm.startswith("ES"):
        size = (key.material.curve.key_size + 7) // 8
        curve = _CURVES[key.material.curve.name][1]
        return jwk | {"kty": "EC", "crv": curve, "x": _int(numbers.x, size), "y": _int(numbers.y, size)}
    return jwk | {
        "kty": "RSA",
        "n": _int(numbers.n, (numbers.n.bit_length() + 7) // 8),
        "e": _int(numbers.e, 3),
    }


def _int(value: int, size: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes(size)).rstrip(b"=").decode()
