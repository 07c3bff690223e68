"""RuntimeClass: a pod gets the overhead, node selector and tolerations of the class it names.

`plan_pod` is pure. Source: "Runtime Class", "Pod Overhead".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import quantity
from steersman.api.kinds import PODS, RUNTIME_CLASSES
from steersman.apiserver.admission.plugin import AdmissionPlugin, forbidden

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes


class RuntimeClass(AdmissionPlugin):
    name = "RuntimeClass"
    resources = (PODS,)

    async def mutate(self, attributes: Attributes) -> None:
        pod = attributes.obj
        assert pod is not None
        spec = pod.get("spec") or {}
        chosen = await self._class_of(attributes, spec)
        if chosen is None:
            return
        why = refusal(spec, chosen)
        if why:
            raise forbidden(attributes, why)
        plan = plan_pod(spec, chosen)
        spec.update(plan)

    async def validate(self, attributes: Attributes) -> None:
        spec = (attributes.obj or {}).get("spec") or {}
        chosen = await self._class_of(attributes, spec)
        overhead = spec.get("overhead")
        if chosen is None:
            if overhead:
                raise forbidden(
                    attributes, "pod rejected: Pod Overhead set without corresponding RuntimeClass Overhead"
                )
            return
        if not same_amounts(overhead, _overhead(chosen)):
            raise forbidden(
                attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
            )

    async def _class_of(self, attributes: Attributes, spec: Object) -> Object | None:
        name = spec.get("runtimeClassName")
        if not name:
            return None
        found = await self.find(RUNTIME_CLASSES, name)
        if found is None:
            raise forbidden(attributes, f'pod rejected: RuntimeClass "{name}" not found')
        return found


def _overhead(runtime_class: Object) -> Object:
    return (runtime_class.get("overhead") or {}).get("podFixed") or {}


def same_amounts(left: Object | None, right: Object | None) -> bool:
    """Whether two resource lists mean the same."""
    first, second = left or {}, right or {}
    return first.keys() == second.keys() and all(
        quantity.parse(first[name]) == quantity.parse(second[name]) for name in first
    )


def refusal(spec: Object, runtime_class: Object) -> str:
    """Why a pod and its class do not go together; empty when they do."""
    overhead = spec.get("overhead")
    if overhead and not same_amounts(overhead, _overhead(runtime_class)):
        return "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
    own = spec.get("nodeSelector") or {}
    for key, value in ((runtime_class.get("scheduling") or {}).get("nodeSelector") or {}).items():
        if own.get(key, value) != value:
            return (
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                f"pod.spec.nodeSelector[{key}] = {own[key]}"
            )
    return ""


def plan_pod(spec: Object, runtime_class: Object) -> Object:
    """The fields of a pod's spec that the class sets."""
    scheduling = runtime_class.get("scheduling") or {}
    plan: Object = {}
    if _overhead(runtime_class):
        plan["overhead"] = dict(_overhead(runtime_class))
    if scheduling.get("nodeSelector"):
        plan["nodeSelector"] = {**(spec.get("nodeSelector") or {}), **scheduling["nodeSelector"]}
    if scheduling.get("tolerations"):
        own = list(spec.get("tolerations") or ())
        plan["tolerations"] = own + [dict(one) for one in scheduling["tolerations"] if one not in own]
    return plan
