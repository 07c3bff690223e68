"""What objects count for in a ResourceQuota: usage, scopes and what must be stated. Pure.

Admission charges with it, the quota controller counts with it. Amounts are exact fractions by resource name
(`pods`, `requests.cpu`, `count/deployments.apps`). Source: "Resource Quotas".
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from steersman.api import quantity
from steersman.api.kinds import (
    CONFIG_MAPS,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    REPLICATION_CONTROLLERS,
    RESOURCE_QUOTAS,
    SECRETS,
    SERVICES,
)
from steersman.api.qos import qos_class

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from steersman.api.resource import Resource
    from steersman.api.types import Object

Amounts = dict[str, Fraction]
COUNTED_BY_NAME = (
    PODS,
    SERVICES,
    REPLICATION_CONTROLLERS,
    RESOURCE_QUOTAS,
    SECRETS,
    CONFIG_MAPS,
    PERSISTENT_VOLUME_CLAIMS,
)
"""Resources that have a quota name of their own beside `count/…`."""
STORAGE_CLASS = ".storageclass.storage.k8s.io/"
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_FINISHED = ("Succeeded", "Failed")


def count_name(resource: Resource) -> str:
    """`count/pods`, `count/deployments.apps`."""
    return f"count/{resource.qualified}"


def usage(resource: Resource, obj: Object) -> Amounts:
    """Return what one object counts for."""
    used: Amounts = {count_name(resource): Fraction(1)}
    if resource == PODS:
        _add_pod(used, obj)
    elif resource == SERVICES:
        _add_service(used, obj.get("spec") or {})
    elif resource == PERSISTENT_VOLUME_CLAIMS:
        _add_claim(used, obj)
    elif resource in COUNTED_BY_NAME:
        used[resource.plural] = Fraction(1)
    return used


def _add_service(used: Amounts, spec: Object) -> None:
    used["services"] = Fraction(1)
    kind = spec.get("type") or "ClusterIP"
    ports = spec.get("ports") or ()
    used["services.loadbalancers"] = Fraction(int(kind == "LoadBalancer"))
    nodeports = 0
    if kind == "NodePort":
        nodeports = len(ports)
    elif kind == "LoadBalancer":
        allocated = spec.get("allocateLoadBalancerNodePorts") is not False
        nodeports = len(ports) if allocated else sum(1 for port in ports if port.get("nodePort"))
    used["services.nodeports"] = Fraction(nodeports)


def _add_claim(used: Amounts, claim: Object) -> None:
    spec = claim.get("spec") or {}
    asked = quantity.parse(((spec.get("resources") or {}).get("requests") or {}).get("storage", "0"))
    held = ((claim.get("status") or {}).get("allocatedResources") or {}).get("storage")
    storage = max(asked, quantity.parse(held)) if held else asked
    used["persistentvolumeclaims"] = Fraction(1)
    used["requests.storage"] = storage
    name = spec.get("storageClassName")
    if name:
        used[f"{name}{STORAGE_CLASS}requests.storage"] = storage
        used[f"{name}{STORAGE_CLASS}persistentvolumeclaims"] = Fraction(1)


def _add_pod(used: Amounts, pod: Object) -> None:
    if finished(pod):
        return
    used["pods"] = Fraction(1)
    spec = pod.get("spec") or {}
    for name, amount in pod_total(spec, "requests").items():
        used[f"requests.{name}"] = amount
        if name in _COMPUTE or name.startswith("hugepages-"):
            used[name] = amount
    for name, amount in pod_total(spec, "limits").items():
        if name in _COMPUTE:
            used[f"limits.{name}"] = amount


def finished(pod: Object) -> bool:
    """Whether a pod is over, so that it uses nothing any more."""
    return (pod.get("status") or {}).get("phase") in _FINISHED


def _amounts(container: Object, field: str) -> Amounts:
    listed = (container.get("resources") or {}).get(field) or {}
    return {name: quantity.parse(text) for name, text in listed.items()}


def pod_total(spec: Object, field: str) -> Amounts:
    """What a pod needs in all: containers and sidecars together, or at start the neediest init container.

    Resources stated for the whole pod replace the sum; overhead is added.
    """
    total: Amounts = {}
    for container in spec.get("containers") or ():
        _add(total, _amounts(container, field))
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in spec.get("initContainers") or ():
        own = _amounts(container, field)
        if container.get("restartPolicy") == "Always":
            _add(sidecars, own)
            _add(total, own)
            own = dict(sidecars)
        else:
            _add(own, sidecars)
        for name, amount in own.items():
            peak[name] = max(amount, peak.get(name, Fraction(0)))
    for name, amount in peak.items():
        total[name] = max(amount, total.get(name, Fraction(0)))
    total.update(_amounts(spec, field))
    overhead = {name: quantity.parse(text) for name, text in (spec.get("overhead") or {}).items()}
    for name, amount in overhead.items():
        if field == "requests" or name in total:
            total[name] = total.get(name, Fraction(0)) + amount
    return total


def _add(total: Amounts, more: Mapping[str, Fraction]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, Fraction(0)) + amount


# --- scopes


def selected(quota_spec: Object, resource: Resource, obj: Object) -> bool:
    """Whether an object is within the scopes of a quota."""
    wanted = [{"scopeName": name, "operator": "Exists"} for name in quota_spec.get("scopes") or ()]
    wanted += (quota_spec.get("scopeSelector") or {}).get("matchExpressions") or []
    return all(_in_scope(one, resource, obj) for one in wanted)


def _in_scope(wanted: Object, resource: Resource, obj: Object) -> bool:
    name = wanted["scopeName"]
    spec = obj.get("spec") or {}
    if name == "VolumeAttributesClass":
        if resource != PERSISTENT_VOLUME_CLAIMS:
            return False
        return _named(wanted, spec.get("volumeAttributesClassName") or "")
    if resource != PODS:
        return False
    if name == "PriorityClass":
        return _named(wanted, spec.get("priorityClassName") or "")
    test = _SCOPES.get(name)
    return test is not None and test(obj, spec)


def _named(wanted: Object, value: str) -> bool:
    match wanted.get("operator", "Exists"):
        case "In":
            return value in (wanted.get("values") or ())
        case "NotIn":
            return value not in (wanted.get("values") or ())
        case "DoesNotExist":
            return not value
        case _:
            return bool(value)


def _cross_namespace(_pod: Object, spec: Object) -> bool:
    affinity = spec.get("affinity") or {}
    terms: list[Object] = []
    for kind in ("podAffinity", "podAntiAffinity"):
        one = affinity.get(kind) or {}
        terms += one.get("requiredDuringSchedulingIgnoredDuringExecution") or []
        preferred = one.get("preferredDuringSchedulingIgnoredDuringExecution") or []
        terms += [item.get("podAffinityTerm") or {} for item in preferred]
    return any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms)


_SCOPES: dict[str, Callable[[Object, Object], bool]] = {
    "Terminating": lambda pod, spec: spec.get("activeDeadlineSeconds") is not None,
    "NotTerminating": lambda pod, spec: spec.get("activeDeadlineSeconds") is None,
    "BestEffort": lambda pod, spec: qos_class(pod) == "BestEffort",
    "NotBestEffort": lambda pod, spec: qos_class(pod) != "BestEffort",
    "CrossNamespacePodAffinity": _cross_namespace,
}


# --- what must be stated


def unstated(quota_spec: Object, pod: Object) -> str:
    """Which containers of a new pod lack what the quota bounds: `limits.cpu for: a,b; …`; empty for none."""
    spec = pod.get("spec") or {}
    missing: dict[str, list[str]] = {}
    for hard in sorted(quota_spec.get("hard") or ()):
        field, name = ("limits", hard[7:]) if hard.startswith("limits.") else ("requests", hard)
        name = name.removeprefix("requests.")
        if name not in _COMPUTE or name == "ephemeral-storage" or name in _amounts(spec, field):
            continue
        for part in ("containers", "initContainers"):
            for container in spec.get(part) or ():
                if name not in _amounts(container, field):
                    missing.setdefault(hard, []).append(str(container.get("name", "")))
    return "; ".join(f"{hard} for: {','.join(sorted(set(names)))}" for hard, names in missing.items())


def show(amounts: Mapping[str, Fraction | str]) -> str:
    """`pods=1,requests.cpu=500m`, sorted."""
    return ",".join(
        f"{name}={amount if isinstance(amount, str) else written(name, amount)}"
        for name, amount in sorted(amounts.items())
    )


def written(name: str, amount: Fraction) -> str:
    """An amount as the API writes it: bytes in binary units where they are whole ones."""
    binary = name.endswith(("memory", "storage", "ephemeral-storage")) or "hugepages-" in name
    return quantity.format(amount, "BinarySI" if binary and amount % 1024 == 0 else "DecimalSI")
