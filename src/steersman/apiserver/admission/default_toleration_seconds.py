"""DefaultTolerationSeconds: pods stay five minutes on a node that is not ready or unreachable, unless they
say else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.kinds import PODS
from steersman.apiserver.admission.plugin import AdmissionPlugin

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes, Operation

SECONDS = 300
KEYS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


class DefaultTolerationSeconds(AdmissionPlugin):
    name = "DefaultTolerationSeconds"
    resources = (PODS,)
    operations: tuple[Operation, ...] = ("CREATE", "UPDATE")

    async def mutate(self, attributes: Attributes) -> None:
        assert attributes.obj is not None
        add_tolerations(attributes.obj.setdefault("spec", {}))


def add_tolerations(spec: Object) -> None:
    tolerations = spec.get("tolerations") or []
    missing = [key for key in KEYS if not any(_covers(item, key) for item in tolerations)]
    if missing:
        spec["tolerations"] = [
            *tolerations,
            *(
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SECONDS}
                for key in missing
            ),
        ]


def _covers(toleration: Object, key: str) -> bool:
    return (toleration.get("key") or key) == key and (toleration.get("effect") or "NoExecute") == "NoExecute"
