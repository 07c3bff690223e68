"""TaintNodesByCondition: a new node is not scheduled to before its conditions have been looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.kinds import NODES
from steersman.apiserver.admission.plugin import AdmissionPlugin

if TYPE_CHECKING:
    from steersman.apiserver.admission import Attributes

NOT_READY = "node.kubernetes.io/not-ready"


class TaintNodesByCondition(AdmissionPlugin):
    name = "TaintNodesByCondition"
    resources = (NODES,)

    async def mutate(self, attributes: Attributes) -> None:
        assert attributes.obj is not None
        spec = attributes.obj.setdefault("spec", {})
        taints = spec.get("taints") or []
        if not any(item.get("key") == NOT_READY and item.get("effect") == "NoSchedule" for item in taints):
            spec["taints"] = [*taints, {"key": NOT_READY, "effect": "NoSchedule"}]
