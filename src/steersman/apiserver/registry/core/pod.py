"""Pods: phase and QoS class on create, grace on delete, and the sub-resources that write a pod.

Source: k8s pkg/registry/core/pod/strategy.go and the documented pod lifecycle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.api.defaults.podspec import part
from steersman.api.errors import Conflict, Invalid
from steersman.api.fields import Path, not_supported, required
from steersman.api.qos import qos_class
from steersman.api.times import rfc3339
from steersman.api.validation import pod as validation
from steersman.apiserver.registry.core.pod_selectors import merge_match_label_keys
from steersman.apiserver.registry.strategy import Context, StatusStrategy, Strategy, keep

if TYPE_CHECKING:
    from steersman.api.fields import FieldError
    from steersman.api.types import Object

DEFAULT_GRACE_SECONDS = 30
_FINISHED = ("Succeeded", "Failed")
_SPEC_FIELDS = ("nodeName", "restartPolicy", "schedulerName", "serviceAccountName")
_STATUS_FIELDS = ("phase", "nominatedNodeName")


class PodStrategy(Strategy):
    """Pods, as written through their main resource."""

    counts_generation = True
    extra_fields = (
        *(f"spec.{name}" for name in _SPEC_FIELDS),
        "spec.hostNetwork",
        *(f"status.{name}" for name in _STATUS_FIELDS),
        "status.podIP",
    )

    def make_subresources(self) -> dict[str, Strategy]:
        return {
            "status": PodStatusStrategy(self),
            "ephemeralcontainers": EphemeralContainersStrategy(self),
            "resize": ResizeStrategy(self),
            "binding": BindingStrategy(self),
        }

    def prepare_new(self, ctx: Context, obj: Object) -> None:
        status: Object = {"phase": "Pending", "qosClass": qos_class(obj)}
        if obj["spec"].get("schedulingGates"):
            status["conditions"] = [_gated(ctx.now)]
        obj["status"] = status
        merge_match_label_keys(obj)

    def graceful_seconds(self, ctx: Context, obj: Object, requested: int | None) -> int | None:
        """A pod that no node has, or whose containers have all ended, goes at once."""
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        if not spec.get("nodeName") or status.get("phase") in _FINISHED:
            return 0
        if requested is not None:
            return requested
        wanted = spec.get("terminationGracePeriodSeconds")
        return DEFAULT_GRACE_SECONDS if wanted is None else max(int(wanted), 1) if wanted < 0 else int(wanted)

    def warnings(self, ctx: Context, obj: Object, old: Object | None) -> list[str]:
        return validation.warnings(obj) if old is None else []

    def add_fields(self, fields: dict[str, str], obj: Object) -> None:
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        for name in _SPEC_FIELDS:
            if spec.get(name):
                fields[f"spec.{name}"] = spec[name]
        fields["spec.hostNetwork"] = "true" if spec.get("hostNetwork") else "false"
        for name in _STATUS_FIELDS:
            if status.get(name):
                fields[f"status.{name}"] = status[name]
        if status.get("podIP"):
            fields["status.podIP"] = status["podIP"]


def _gated(now: float) -> Object:
    return {
        "type": "PodScheduled",
        "status": "False",
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
        "lastProbeTime": None,
        "lastTransitionTime": rfc3339(now),
    }


class PodStatusStrategy(StatusStrategy):
    """What the kubelet and the scheduler report."""

    def prepare_changed(self, ctx: Context, obj: Object, old: Object) -> None:
        status, before = part(obj, "status"), old.get("status") or {}
        if before.get("qosClass"):
            status["qosClass"] = before["qosClass"]
        for one, many in (("podIP", "podIPs"), ("hostIP", "hostIPs")):
            _agree(status, before, one, many)


def _agree(status: Object, before: Object, one: str, many: str) -> None:
    """The first of several addresses is also shown alone; whichever was written leads."""
    if status.get(one) and status.get(one) != before.get(one):
        found = status.get(many) or []
        if not found or found[0].get("ip") != status[one]:
            status[many] = [{"ip": status[one]}]
    elif status.get(many):
        status[one] = status[many][0].get("ip")
    elif not status.get(one):
        status.pop(many, None)
    else:
        status[many] = [{"ip": status[one]}]


class _SpecPartStrategy(StatusStrategy):
    """A sub-resource that writes one part of the spec."""

    def prepare_for_update(self, ctx: Context, obj: Object, old: Object) -> None:
        obj["spec"] = self.new_spec(obj.get("spec") or {}, old.get("spec") or {})
        keep(obj, old, "status")
        obj["metadata"] = dict(old["metadata"]) | {"managedFields": obj["metadata"].get("managedFields")}
        if obj["metadata"]["managedFields"] is None:
            del obj["metadata"]["managedFields"]
        self.count_generation(obj, old)

    def new_spec(self, new: Object, old: Object) -> Object:
        raise NotImplementedError


class EphemeralContainersStrategy(_SpecPartStrategy):
    """`kubectl debug`: containers can be added to a running pod, never changed or removed."""

    def new_spec(self, new: Object, old: Object) -> Object:
        spec = dict(old)
        keep(spec, new, "ephemeralContainers")
        return spec

    def validate_update(self, ctx: Context, obj: Object, old: Object) -> list[FieldError]:
        return validation.validate_ephemeral_containers_update(obj, old)


class ResizeStrategy(_SpecPartStrategy):
    """Resources of running containers, changed in place."""

    def new_spec(self, new: Object, old: Object) -> Object:
        spec = dict(old)
        for role in ("containers", "initContainers"):
            wanted = {container.get("name"): container for container in new.get(role) or ()}
            if role in old:
                spec[role] = [
                    dict(container) | {"resources": wanted[container["name"]].get("resources") or {}}
                    if container["name"] in wanted
                    else container
                    for container in old[role]
                ]
        return spec

    def validate_update(self, ctx: Context, obj: Object, old: Object) -> list[FieldError]:
        return validation.validate_resize(obj, old, qos_class(obj))


class BindingStrategy(StatusStrategy):
    """The change that `bind` made is stored as it is."""

    def prepare_for_update(self, ctx: Context, obj: Object, old: Object) -> None:
        self.count_generation(obj, old)

    def validate_update(self, ctx: Context, obj: Object, old: Object) -> list[FieldError]:
        return []


def bind(strategy: Strategy, pod: Object, binding: Object, now: float) -> None:
    """Assign `pod` (changed in place) to the node that `binding` names.

    Labels and annotations of the binding are merged into the pod's.
    Raises: Invalid for a binding without a node, Conflict when the pod cannot be assigned any more.
    """
    target, resource, name = binding.get("target") or {}, strategy.resource, meta.name(pod)
    errors = []
    if target.get("kind") not in (None, "", "Node"):
        errors.append(not_supported(Path("target", "kind"), target["kind"], ("Node", "<empty>")))
    if not target.get("name"):
        errors.append(required(Path("target", "name")))
    if errors:
        raise Invalid.of(resource, name, errors)
    given = meta.uid(binding)
    if given and given != meta.uid(pod):
        why = f"Precondition failed: UID in precondition: {given}, UID in object meta: {meta.uid(pod)}"
        raise Conflict.of(resource, name, why)
    spec, metadata = pod["spec"], pod["metadata"]
    if meta.deleting(pod):
        raise Conflict.of(resource, name, f"pod {name} is being deleted, cannot be assigned to a host")
    if spec.get("nodeName"):
        why = f'pod {name} is already assigned to node "{spec["nodeName"]}"'
        raise Conflict.of(resource, name, why)
    if spec.get("schedulingGates"):
        raise Conflict.of(resource, name, f"pod {name} has non-empty .spec.schedulingGates")
    spec["nodeName"] = target["name"]
    for field, found in (("annotations", meta.annotations(binding)), ("labels", meta.labels(binding))):
        if found:
            metadata[field] = {**(metadata.get(field) or {}), **found}
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
    status = part(pod, "status")
    status["conditions"] = meta.set_condition(status.get("conditions"), scheduled, now)
