"""Providers that hold their keys themselves. Values look as upstream's: `k8s:enc:<provider>:v1:<key name>:`
and the ciphertext.

The key of the store is authenticated with the value where the cipher can do that (aesgcm), so that a value
moved to another key does not decrypt.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from steersman.store.base import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MARK = b"k8s:enc:"
"""What every encrypted value begins with."""
BLOCK = 16
"""Bytes of an AES block, and of an initialisation vector."""
GCM_NONCE = 12
BOX_NONCE = 24
"""Bytes of the nonces of AES-GCM and of XSalsa20-Poly1305."""


class CannotDecrypt(StoreError):
    """A stored value cannot be read with the configured keys."""


class Provider(Protocol):
    """One way to write values, and to read its own."""

    def reads(self, stored: bytes) -> bool:
        """Say whether this provider wrote a value, by any of its keys."""
        ...

    async def prepare(self, stored: Sequence[bytes]) -> None:
        """Fetch what is needed to decrypt some of its values. Raises: CannotDecrypt."""
        ...

    async def ready(self) -> None:
        """Fetch what is needed to encrypt. Raises: StoreUnavailable."""
        ...

    def encrypt(self, value: bytes, key: str) -> bytes:
        """Return what is stored of a value under a key of the store."""
        ...

    def decrypt(self, stored: bytes, key: str) -> tuple[bytes, bool]:
        """Return the value, and whether it should be written anew. Raises: CannotDecrypt."""
        ...


class Local:
    """The parts of providers that need nobody else."""

    async def prepare(self, stored: Sequence[bytes]) -> None:
        """Nothing to fetch."""

    async def ready(self) -> None:
        """Nothing to fetch."""


class Identity(Local):
    """Values as they are."""

    def reads(self, stored: bytes) -> bool:
        """See `Provider.reads`."""
        return not stored.startswith(MARK)

    def encrypt(self, value: bytes, key: str) -> bytes:
        """See `Provider.encrypt`."""
        return value

    def decrypt(self, stored: bytes, key: str) -> tuple[bytes, bool]:
        """See `Provider.decrypt`."""
        return stored, False


class Cipher(Protocol):
    """One key of one cipher, over bare bytes; `bound` is authenticated where the cipher can."""

    def seal(self, value: bytes, bound: bytes) -> bytes: ...

    def open(self, sealed: bytes, bound: bytes) -> bytes:
        """Raises: ValueError."""
        ...


class Keyed(Local):
    """A provider with named keys: the first writes."""

    def __init__(self, kind: str, make: Callable[[bytes], Cipher], keys: Sequence[tuple[str, bytes]]) -> None:
        self._prefix = MARK + f"{kind}:v1:".encode()
        self._ciphers = [(self._prefix + f"{name}:".encode(), make(secret)) for name, secret in keys]

    def reads(self, stored: bytes) -> bool:
        """See `Provider.reads`."""
        return stored.startswith(self._prefix)

    def encrypt(self, value: bytes, key: str) -> bytes:
        """See `Provider.encrypt`."""
        prefix, cipher = self._ciphers[0]
        return prefix + cipher.seal(value, key.encode())

    def decrypt(self, stored: bytes, key: str) -> tuple[bytes, bool]:
        """See `Provider.decrypt`."""
        for index, (prefix, cipher) in enumerate(self._ciphers):
            if stored.startswith(prefix):
                try:
                    return cipher.open(stored[len(prefix) :], key.encode()), index > 0
                except ValueError as error:
                    raise CannotDecrypt(f"{key} cannot be decrypted: {error}") from None
        raise CannotDecrypt(f"{key} was encrypted with a key that is not configured")


class AESGCM:
    """AES-GCM with a random nonce in front."""

    def __init__(self, secret: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers import aead

        self._primitive = aead.AESGCM(secret)

    def seal(self, value: bytes, bound: bytes) -> bytes:
        """See `Cipher.seal`."""
        nonce = os.urandom(GCM_NONCE)
        return nonce + self._primitive.encrypt(nonce, value, bound)

    def open(self, sealed: bytes, bound: bytes) -> bytes:
        """See `Cipher.open`."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._primitive.decrypt(sealed[:GCM_NONCE], sealed[GCM_NONCE:], bound)
        except InvalidTag:
            raise ValueError("its authentication does not hold") from None


class AESCBC:
    """AES-CBC with PKCS#7 padding, a random initialisation vector in front."""

    def __init__(self, secret: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.algorithms import AES

        self._algorithm = AES(secret)

    def seal(self, value: bytes, bound: bytes) -> bytes:
        """See `Cipher.seal`; nothing is bound."""
        from cryptography.hazmat.primitives.ciphers import Cipher as Machine
        from cryptography.hazmat.primitives.ciphers.modes import CBC

        vector = os.urandom(BLOCK)
        padding = BLOCK - len(value) % BLOCK
        machine = Machine(self._algorithm, CBC(vector)).encryptor()
        return vector + machine.update(value + bytes((padding,)) * padding) + machine.finalize()

    def open(self, sealed: bytes, bound: bytes) -> bytes:
        """See `Cipher.open`."""
        from cryptography.hazmat.primitives.ciphers import Cipher as Machine
        from cryptography.hazmat.primitives.ciphers.modes import CBC

        if len(sealed) < 2 * BLOCK or len(sealed) % BLOCK:
            raise ValueError("it is no whole number of blocks")
        machine = Machine(self._algorithm, CBC(sealed[:BLOCK])).decryptor()
        padded = machine.update(sealed[BLOCK:]) + machine.finalize()
        padding = padded[-1]
        if not 1 <= padding <= BLOCK or padded[-padding:] != bytes((padding,)) * padding:
            raise ValueError("its padding does not hold")
        return padded[:-padding]


class SecretBox:
    """XSalsa20-Poly1305 with a random nonce in front."""

    def __init__(self, secret: bytes) -> None:
        from nacl.secret import SecretBox as Primitive

        self._primitive = Primitive(secret)

    def seal(self, value: bytes, bound: bytes) -> bytes:
        """See `Cipher.seal`; nothing is bound."""
        return bytes(self._primitive.encrypt(value, os.urandom(BOX_NONCE)))

    def open(self, sealed: bytes, bound: bytes) -> bytes:
        """See `Cipher.open`."""
        from nacl.exceptions import CryptoError

        try:
            return self._primitive.decrypt(sealed)
        except CryptoError:
            raise ValueError("its authentication does not hold") from None
