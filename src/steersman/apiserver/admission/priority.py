"""Priority: a pod's PriorityClass becomes its number and preemption policy; only one class is the default.

Source: "Pod Priority and Preemption".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.kinds import PODS, PRIORITY_CLASSES
from steersman.apiserver.admission.plugin import AdmissionPlugin, forbidden

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes, Operation

DEFAULT_POLICY = "PreemptLowerPriority"


class Priority(AdmissionPlugin):
    name = "Priority"
    resources = (PODS, PRIORITY_CLASSES)
    operations: tuple[Operation, ...] = ("CREATE", "UPDATE")

    async def mutate(self, attributes: Attributes) -> None:
        if attributes.resource != PODS or attributes.obj is None:
            return
        if attributes.operation == "UPDATE":
            _keep_priority(attributes.obj, attributes.old or {})
        else:
            await self._resolve(attributes, attributes.obj.setdefault("spec", {}))

    async def validate(self, attributes: Attributes) -> None:
        if attributes.resource != PRIORITY_CLASSES or not (attributes.obj or {}).get("globalDefault"):
            return
        assert attributes.obj is not None
        for other in await self.api.look_all(PRIORITY_CLASSES):
            name = other["metadata"]["name"]
            if other.get("globalDefault") and name != attributes.obj["metadata"]["name"]:
                raise forbidden(
                    attributes,
                    f"PriorityClass {name} is already marked as default. Only one default can exist",
                )

    async def _resolve(self, attributes: Attributes, spec: Object) -> None:
        wanted = spec.get("priorityClassName") or ""
        if wanted:
            chosen = await self.find(PRIORITY_CLASSES, wanted)
            if chosen is None:
                raise forbidden(attributes, f"no PriorityClass with name {wanted} was found")
        else:
            chosen = default_class(await self.api.look_all(PRIORITY_CLASSES))
            if chosen is not None:
                spec["priorityClassName"] = chosen["metadata"]["name"]
        value = chosen["value"] if chosen else 0
        policy = (chosen or {}).get("preemptionPolicy") or DEFAULT_POLICY
        given, given_policy = spec.get("priority"), spec.get("preemptionPolicy")
        if given is not None and given != value:
            raise forbidden(
                attributes,
                f"the integer value of priority ({given}) must not be provided in pod spec; "
                f"priority admission controller computed {value} from the given PriorityClass name",
            )
        if given_policy is not None and given_policy != policy:
            raise forbidden(
                attributes,
                f"the string value of PreemptionPolicy ({given_policy}) must not be provided in pod spec; "
                f"priority admission controller computed {policy} from the given PriorityClass name",
            )
        spec["priority"], spec["preemptionPolicy"] = value, policy


def default_class(classes: list[Object]) -> Object | None:
    """The class pods without one get: of several defaults (a race) the one with the lowest value."""
    defaults = [item for item in classes if item.get("globalDefault")]
    return min(defaults, key=lambda item: int(item["value"]), default=None)


def _keep_priority(pod: Object, old: Object) -> None:
    spec, before = pod.get("spec") or {}, old.get("spec") or {}
    for field in ("priority", "preemptionPolicy"):
        if spec.get(field) is None and before.get(field) is not None:
            spec[field] = before[field]
