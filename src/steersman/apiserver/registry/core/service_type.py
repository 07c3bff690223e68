"""What the type of a Service implies for its other fields: pure functions over `spec`.

Source: the documented Service API (types, dual stack, node ports) and k8s
pkg/registry/core/service/strategy.go (dropTypeDependentFields, patchAllocatedValues).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.cidr import family_of
from steersman.api.errors import Invalid
from steersman.api.fields import Path, invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.api.cidr import Family
    from steersman.api.kinds import Resource
    from steersman.api.types import Object

HEADLESS = "None"
_SPEC = Path("spec")
_BALANCER_ONLY = ("allocateLoadBalancerNodePorts", "loadBalancerClass")


def is_headless(spec: Object) -> bool:
    return bool(spec.get("clusterIP") == HEADLESS)


def may_have_cluster_ip(spec: Object) -> bool:
    return spec.get("type") in ("ClusterIP", "NodePort", "LoadBalancer")


def has_cluster_ip(spec: Object) -> bool:
    return may_have_cluster_ip(spec) and not is_headless(spec)


def has_node_ports(spec: Object) -> bool:
    """Tell whether ports get node ports."""
    if spec.get("type") == "LoadBalancer":
        return spec.get("allocateLoadBalancerNodePorts") is not False
    return spec.get("type") == "NodePort"


def may_have_node_ports(spec: Object) -> bool:
    return spec.get("type") in ("NodePort", "LoadBalancer")


def needs_health_check_port(spec: Object) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def drop_unneeded(spec: Object, before: Object) -> None:
    """Clear what the old type needed and the new one forbids, where the client left it as it was."""
    if may_have_cluster_ip(before) and not may_have_cluster_ip(spec):
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
            if spec.get(name) == before.get(name):
                spec.pop(name, None)
    if may_have_node_ports(before) and not may_have_node_ports(spec):
        known = {
            (port.get("protocol"), port.get("port")): port.get("nodePort")
            for port in before.get("ports") or ()
        }
        for port in spec.get("ports") or ():
            if port.get("nodePort") == known.get((port.get("protocol"), port.get("port"))):
                port.pop("nodePort", None)
        if spec.get("externalTrafficPolicy") == before.get("externalTrafficPolicy"):
            spec.pop("externalTrafficPolicy", None)
    if (
        needs_health_check_port(before)
        and not needs_health_check_port(spec)
        and spec.get("healthCheckNodePort") == before.get("healthCheckNodePort")
    ):
        spec.pop("healthCheckNodePort", None)
    if before.get("type") == "LoadBalancer" and spec.get("type") != "LoadBalancer":
        for name in _BALANCER_ONLY:
            if spec.get(name) == before.get(name):
                spec.pop(name, None)


def keep_allocated(spec: Object, before: Object) -> None:
    """Copy allocated values the client left out, so that a PUT without them changes nothing."""
    if has_cluster_ip(before) and may_have_cluster_ip(spec):
        if not spec.get("clusterIP") and not spec.get("clusterIPs"):
            spec["clusterIP"] = before.get("clusterIP")
            spec["clusterIPs"] = list(before.get("clusterIPs") or ())
    elif is_headless(before) and may_have_cluster_ip(spec) and not spec.get("clusterIP"):
        spec["clusterIP"], spec["clusterIPs"] = HEADLESS, [HEADLESS]
    if may_have_cluster_ip(before) and may_have_cluster_ip(spec):
        for name in ("ipFamilyPolicy", "ipFamilies"):
            if not spec.get(name) and before.get(name):
                spec[name] = before[name]
    if may_have_node_ports(before) and may_have_node_ports(spec):
        _keep_node_ports(spec, before)
    if needs_health_check_port(before) and needs_health_check_port(spec):
        spec.setdefault("healthCheckNodePort", before.get("healthCheckNodePort"))


def _keep_node_ports(spec: Object, before: Object) -> None:
    used = {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}
    known = {
        (port.get("protocol"), port.get("port")): port.get("nodePort") for port in before.get("ports") or ()
    }
    for port in spec.get("ports") or ():
        old = known.get((port.get("protocol"), port.get("port")))
        if not port.get("nodePort") and old and old not in used:
            port["nodePort"] = old


def agree_on_addresses(spec: Object, before: Object) -> None:
    """Keep `clusterIP` and the first of `clusterIPs` the same; the one the client changed leads."""
    if not may_have_cluster_ip(spec):
        return
    one, many = spec.get("clusterIP"), spec.get("clusterIPs") or []
    if one and not many:
        spec["clusterIPs"] = [one]
    elif many and not one and not before:
        spec["clusterIP"] = many[0]
    elif before and one != before.get("clusterIP") and many == (before.get("clusterIPs") or []):
        if one:
            spec["clusterIPs"] = [one]
        else:
            spec.pop("clusterIPs", None)


def choose_families(resource: Resource, name: str, spec: Object, available: Sequence[Family]) -> None:
    """Set `ipFamilies` and `ipFamilyPolicy`.  Raises: Invalid when the cluster lacks what is asked for."""
    if not may_have_cluster_ip(spec):
        for field in ("ipFamilies", "ipFamilyPolicy"):
            spec.pop(field, None)
        return
    given: list[Family] = list(spec.get("ipFamilies") or ())
    for address in spec.get("clusterIPs") or ():
        family = family_of(address)
        if family is not None and family not in given:
            given.append(family)
    if any(family not in available for family in given):
        path, text = _SPEC.child("ipFamilies"), "not configured on this cluster"
        missing = next(family for family in given if family not in available)
        raise Invalid.of(resource, name, [invalid(path.index(given.index(missing)), missing, text)])
    policy = spec.get("ipFamilyPolicy")
    if not policy:
        open_ended = is_headless(spec) and not spec.get("selector")
        policy = (
            "RequireDualStack" if len(given) == 2 or (open_ended and len(available) == 2) else "SingleStack"
        )
    if policy == "RequireDualStack" and len(available) < 2:
        text = "this cluster is not configured for dual-stack services"
        if is_headless(spec) and not spec.get("selector") and not spec.get("ipFamilyPolicy"):
            policy = "SingleStack"
        else:
            raise Invalid.of(resource, name, [invalid(_SPEC.child("ipFamilyPolicy"), policy, text)])
    count = 1 if policy == "SingleStack" else 2
    families = given + [family for family in available if family not in given]
    spec["ipFamilyPolicy"], spec["ipFamilies"] = policy, families[:count]


def port_of_twin(spec: Object, port: Object) -> int | None:
    """Return the node port that another protocol of the same port already has."""
    for other in spec.get("ports") or ():
        if (
            other is not port
            and other.get("nodePort")
            and other.get("port") == port.get("port")
            and other.get("protocol") != port.get("protocol")
        ):
            return int(other["nodePort"])
    return None


def warnings(spec: Object) -> list[str]:
    """Return what a client should know about fields that do nothing."""
    if not is_headless(spec):
        return []
    found = []
    if spec.get("sessionAffinity") == "ClientIP":
        found.append("spec.SessionAffinity is ignored for headless services")
    if spec.get("externalIPs"):
        found.append('spec.externalIPs is ignored when spec.clusterIP is "None"')
    if spec.get("loadBalancerIP"):
        found.append('spec.loadBalancerIP is ignored when spec.clusterIP is "None"')
    return found
