"""DefaultIngressClass: an ingress that names no class gets the default one (the newest, when several are
marked).

Source: "Ingress", default IngressClass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.api.kinds import INGRESS_CLASSES, INGRESSES
from steersman.apiserver.admission.plugin import AdmissionPlugin

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes

DEFAULT_ANNOTATION = "ingressclass.kubernetes.io/is-default-class"
LEGACY_CLASS_ANNOTATION = "kubernetes.io/ingress.class"


class DefaultIngressClass(AdmissionPlugin):
    name = "DefaultIngressClass"
    resources = (INGRESSES,)

    async def mutate(self, attributes: Attributes) -> None:
        ingress = attributes.obj
        assert ingress is not None
        spec = ingress.setdefault("spec", {})
        if spec.get("ingressClassName") is not None or LEGACY_CLASS_ANNOTATION in meta.annotations(ingress):
            return
        chosen = default_class(await self.api.look_all(INGRESS_CLASSES))
        if chosen is not None:
            spec["ingressClassName"] = meta.name(chosen)


def default_class(classes: list[Object]) -> Object | None:
    """The newest of the classes marked as default; of equally new ones the first by name."""
    marked = [item for item in classes if meta.annotations(item).get(DEFAULT_ANNOTATION) == "true"]
    marked.sort(key=meta.name)
    return max(marked, key=lambda item: str(item["metadata"].get("creationTimestamp", "")), default=None)
