"""DefaultStorageClass: a claim that names no class gets the default one (the newest, when several are
marked)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.api.kinds import PERSISTENT_VOLUME_CLAIMS, STORAGE_CLASSES
from steersman.apiserver.admission.plugin import AdmissionPlugin

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes

DEFAULT_ANNOTATION = "storageclass.kubernetes.io/is-default-class"
LEGACY_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


class DefaultStorageClass(AdmissionPlugin):
    name = "DefaultStorageClass"
    resources = (PERSISTENT_VOLUME_CLAIMS,)

    async def mutate(self, attributes: Attributes) -> None:
        claim = attributes.obj
        assert claim is not None
        spec = claim.setdefault("spec", {})
        if spec.get("storageClassName") is not None or LEGACY_CLASS_ANNOTATION in meta.annotations(claim):
            return
        chosen = default_class(await self.api.list(STORAGE_CLASSES))
        if chosen is not None:
            spec["storageClassName"] = meta.name(chosen)


def default_class(classes: list[Object]) -> Object | None:
    marked = [item for item in classes if meta.annotations(item).get(DEFAULT_ANNOTATION) == "true"]
    marked.sort(key=meta.name)
    return max(marked, key=lambda item: str(item["metadata"].get("creationTimestamp", "")), default=None)
