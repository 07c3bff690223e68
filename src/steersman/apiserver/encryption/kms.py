"""kms v2: values are encrypted by a seed that a plug-in on a Unix socket encrypts in its turn.

One seed serves many values: each is encrypted by AES-GCM under a key derived from the seed and from random
bytes that are stored with it (HKDF-SHA256, RFC 5869). So the plug-in is asked once at start, once for every
new key of its own, and once for every seed somebody else has used; not once a value. What is stored is the
mark, the plug-in's name and an `EncryptedObject`.

Source: Kubernetes, "Using a KMS provider for data encryption"; KEP-3299.
"""

from __future__ import annotations

import asyncio
import logging
import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from google.protobuf.message import DecodeError

from steersman.apiserver.encryption.providers import GCM_NONCE, MARK, CannotDecrypt
from steersman.runtime.tasks import to_thread
from steersman.store.base import StoreUnavailable
from steersman.wire.kms import kms_pb2 as pb
from steersman.wire.kms import kms_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger("steersman.apiserver.encryption")
SEED = INFO = 32
"""Bytes of a seed, and of what each value's key is derived with."""
STATUS_SECONDS = 60.0
"""How often the plug-in is asked whether it uses a new key."""
FAILING_SECONDS = 5.0
"""... and while it fails, whether it is back."""
MOST_SEEDS = 1000
"""Seeds of others that are remembered."""


@dataclass(frozen=True, slots=True)
class Seed:
    """What we write with: the seed, and how the plug-in encrypted it."""

    plain: bytes
    encrypted: pb.EncryptResponse


class KMS:
    """A provider; `follow` keeps it at the plug-in's newest key."""

    def __init__(self, name: str, endpoint: str, timeout: float) -> None:
        self.name, self._timeout = name, timeout
        self._prefix = MARK + f"kms:v2:{name}:".encode()
        self._channel = grpc.insecure_channel(endpoint, (("grpc.enable_http_proxy", 0),))
        stubs: Any = kms_pb2_grpc
        self._plugin = stubs.KeyManagementServiceStub(self._channel)
        self._seed: Seed | None = None
        self.problem = ""
        """What was wrong when the plug-in was last asked; empty when nothing was."""
        self._seeds: dict[bytes, bytes] = {}
        self._lock = asyncio.Lock()

    def reads(self, stored: bytes) -> bool:
        """See `Provider.reads`."""
        return stored.startswith(self._prefix)

    async def prepare(self, stored: Sequence[bytes]) -> None:
        """See `Provider.prepare`."""
        for value in stored:
            envelope = self._envelope(value)
            if envelope.encryptedDEKSource not in self._seeds:
                await to_thread(self._learn, envelope)

    async def ready(self) -> None:
        """See `Provider.ready`."""
        if self._seed is None:
            await self.renew()

    async def renew(self) -> None:
        """Take a new seed when the plug-in uses a new key. Raises: StoreUnavailable."""
        async with self._lock:
            try:
                self._seed = await to_thread(self._renewed, self._seed)
            except StoreUnavailable as error:
                self.problem = str(error)
                raise
            self.problem = ""

    def _renewed(self, seed: Seed | None) -> Seed:
        try:
            status = self._plugin.Status(pb.StatusRequest(), timeout=self._timeout)
            if status.healthz != "ok":
                raise StoreUnavailable(f"the key management plug-in {self.name} says: {status.healthz}")
            if seed is not None and seed.encrypted.key_id == status.key_id:
                return seed
            plain = os.urandom(SEED)
            request = pb.EncryptRequest(plaintext=plain, uid=str(uuid.uuid4()))
            encrypted = self._plugin.Encrypt(request, timeout=self._timeout)
        except grpc.RpcError as error:
            raise StoreUnavailable(f"the key management plug-in {self.name} fails: {_text(error)}") from error
        self._seeds[encrypted.ciphertext] = plain
        return Seed(plain, encrypted)

    async def follow(self) -> None:
        """Keep up with the plug-in's key until cancelled."""
        while True:
            try:
                await self.renew()
            except StoreUnavailable as error:
                log.warning("%s; encryption goes on with the key it has", error)
            await asyncio.sleep(FAILING_SECONDS if self.problem else STATUS_SECONDS)

    def encrypt(self, value: bytes, key: str) -> bytes:
        """See `Provider.encrypt`; `ready` has been awaited."""
        seed = self._seed
        assert seed is not None
        info, nonce = os.urandom(INFO), os.urandom(GCM_NONCE)
        sealed = _derived(seed.plain, info).encrypt(nonce, value, key.encode())
        envelope = pb.EncryptedObject(
            encryptedData=info + nonce + sealed,
            keyID=seed.encrypted.key_id,
            encryptedDEKSource=seed.encrypted.ciphertext,
            annotations=seed.encrypted.annotations,
            encryptedDEKSourceType=pb.HKDF_SHA256_XNONCE_AES_GCM_SEED,
        )
        return self._prefix + envelope.SerializeToString()

    def decrypt(self, stored: bytes, key: str) -> tuple[bytes, bool]:
        """See `Provider.decrypt`. A seed that was not prepared is fetched, which blocks for a moment."""
        envelope = self._envelope(stored)
        seed = self._seeds.get(envelope.encryptedDEKSource) or self._learn(envelope)
        data = envelope.encryptedData
        info, nonce, sealed = data[:INFO], data[INFO : INFO + GCM_NONCE], data[INFO + GCM_NONCE :]
        try:
            value = _derived(seed, info).decrypt(nonce, sealed, key.encode())
        except (InvalidTag, ValueError):
            raise CannotDecrypt(f"{key} cannot be decrypted: its authentication does not hold") from None
        current = self._seed
        return value, current is not None and envelope.keyID != current.encrypted.key_id

    def _envelope(self, stored: bytes) -> pb.EncryptedObject:
        try:
            return pb.EncryptedObject.FromString(stored[len(self._prefix) :])
        except DecodeError:
            raise CannotDecrypt("a stored value is damaged") from None

    def _learn(self, envelope: pb.EncryptedObject) -> bytes:
        """Have the plug-in decrypt a seed, and remember it. Raises: CannotDecrypt."""
        if envelope.encryptedDEKSourceType != pb.HKDF_SHA256_XNONCE_AES_GCM_SEED:
            raise CannotDecrypt("a stored value has a kind of key that is not supported")
        request = pb.DecryptRequest(
            ciphertext=envelope.encryptedDEKSource,
            uid=str(uuid.uuid4()),
            key_id=envelope.keyID,
            annotations=envelope.annotations,
        )
        try:
            seed: bytes = self._plugin.Decrypt(request, timeout=self._timeout).plaintext
        except grpc.RpcError as error:
            why = f"the key management plug-in {self.name} does not decrypt: {_text(error)}"
            raise CannotDecrypt(why) from error
        if len(self._seeds) >= MOST_SEEDS:
            self._seeds.clear()
        self._seeds[envelope.encryptedDEKSource] = seed
        return seed

    def close(self) -> None:
        """Let go of the connection."""
        self._channel.close()


def _derived(seed: bytes, info: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), SEED, None, info).derive(seed))


def _text(error: grpc.RpcError) -> str:
    details = getattr(error, "details", None)
    return str(details() if callable(details) else error)
