"""StorageObjectInUseProtection: volumes and claims get the finalizer that keeps them while somebody uses
them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.kinds import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES
from steersman.apiserver.admission.plugin import AdmissionPlugin

if TYPE_CHECKING:
    from steersman.apiserver.admission import Attributes

FINALIZERS = {
    PERSISTENT_VOLUME_CLAIMS: "kubernetes.io/pvc-protection",
    PERSISTENT_VOLUMES: "kubernetes.io/pv-protection",
}


class StorageObjectInUseProtection(AdmissionPlugin):
    name = "StorageObjectInUseProtection"
    resources = tuple(FINALIZERS)

    async def mutate(self, attributes: Attributes) -> None:
        assert attributes.obj is not None
        metadata = attributes.obj["metadata"]
        finalizer = FINALIZERS[attributes.resource]
        if finalizer not in (metadata.get("finalizers") or ()):
            metadata["finalizers"] = [*(metadata.get("finalizers") or ()), finalizer]
