"""PersistentVolumeClaimResize: a claim may only ask for more where its volume can grow.

Source: "Persistent Volumes", expanding persistent volume claims.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import quantity
from steersman.api.kinds import PERSISTENT_VOLUME_CLAIMS, STORAGE_CLASSES
from steersman.apiserver.admission.default_storage_class import LEGACY_CLASS_ANNOTATION
from steersman.apiserver.admission.plugin import AdmissionPlugin, forbidden

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes, Operation


class PersistentVolumeClaimResize(AdmissionPlugin):
    name = "PersistentVolumeClaimResize"
    resources = (PERSISTENT_VOLUME_CLAIMS,)
    operations: tuple[Operation, ...] = ("UPDATE",)

    async def validate(self, attributes: Attributes) -> None:
        claim, old = attributes.obj or {}, attributes.old or {}
        if requested(claim) <= requested(old):
            return
        if (old.get("status") or {}).get("phase") != "Bound":
            raise forbidden(attributes, "Only bound persistent volume claims can be expanded")
        annotations = old["metadata"].get("annotations") or {}
        name = annotations.get(LEGACY_CLASS_ANNOTATION) or (old.get("spec") or {}).get("storageClassName")
        chosen = await self.find(STORAGE_CLASSES, name) if name else None
        if chosen is None or not chosen.get("allowVolumeExpansion"):
            raise forbidden(
                attributes,
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the "
                "pvc must support resize",
            )


def requested(claim: Object) -> int:
    """Bytes a claim asks for."""
    resources = (claim.get("spec") or {}).get("resources") or {}
    return quantity.value((resources.get("requests") or {}).get("storage", "0"))
