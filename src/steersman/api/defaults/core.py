"""Defaults of the core group, Pod templates apart (see `podspec`).

Source: documented API defaults of k8s core/v1.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from steersman.api import quantity
from steersman.api.defaults.podspec import (
    canonical_list,
    default_claim_spec,
    default_pod_spec,
    default_template,
    default_volume_source,
    part,
    put,
    put_zero,
)

if TYPE_CHECKING:
    from fractions import Fraction

    from steersman.api.types import Object

CLIENT_IP_TIMEOUT_SECONDS = 10800
NAME_LABEL = "kubernetes.io/metadata.name"


def default_pod(pod: Object) -> None:
    spec = part(pod, "spec")
    default_pod_spec(spec)
    put(spec, "enableServiceLinks", True)
    for name in ("initContainers", "containers"):
        for container in spec.get(name) or ():
            _requests_from_limits(container["resources"])
            if spec.get("hostNetwork"):
                for port in container.get("ports") or ():
                    put_zero(port, "hostPort", port.get("containerPort"))
    if spec.get("resources"):
        _default_pod_requests(spec)


def _requests_from_limits(resources: Object) -> None:
    limits = resources.get("limits")
    if not limits:
        return
    requests = resources.get("requests") or {}
    resources["requests"] = requests
    for name, amount in limits.items():
        put(requests, name, amount)


def _default_pod_requests(spec: Object) -> None:
    """Pod-level requests: what containers ask for together, else the pod's limit."""
    resources = spec["resources"]
    limits = resources.get("limits") or {}
    requests = resources.get("requests") or {}
    for name, amount in limits.items():
        if requests.get(name) is None:
            asked = _asked_by_containers(spec, name)
            requests[name] = amount if asked is None else quantity.format(asked, quantity.style_of(amount))
    if requests:
        resources["requests"] = requests


def _asked_by_containers(spec: Object, name: str) -> Fraction | None:
    amounts = [
        container["resources"].get("requests", {}).get(name) for container in spec.get("containers") or ()
    ]
    known = [quantity.parse(amount) for amount in amounts if amount is not None]
    return sum(known[1:], known[0]) if known else None


def default_service(service: Object) -> None:
    spec = part(service, "spec")
    put_zero(spec, "sessionAffinity", "None")
    put_zero(spec, "type", "ClusterIP")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        put(spec, "sessionAffinityConfig", {})
        put(spec["sessionAffinityConfig"], "clientIP", {})
        put(spec["sessionAffinityConfig"]["clientIP"], "timeoutSeconds", CLIENT_IP_TIMEOUT_SECONDS)
    for port in spec.get("ports") or ():
        put_zero(port, "protocol", "TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        put_zero(spec, "externalTrafficPolicy", "Cluster")
    if spec["type"] in ("ClusterIP", "NodePort", "LoadBalancer"):
        put_zero(spec, "internalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        put(spec, "allocateLoadBalancerNodePorts", True)
    _default_service_status(service)


def _default_service_status(service: Object) -> None:
    balancer = service["status"].setdefault("loadBalancer", {}) or {}
    for ingress in balancer.get("ingress") or ():
        if ingress.get("ip"):
            put(ingress, "ipMode", "VIP")


def default_endpoints(endpoints: Object) -> None:
    for subset in endpoints.get("subsets") or ():
        for port in subset.get("ports") or ():
            put_zero(port, "protocol", "TCP")


def default_secret(secret: Object) -> None:
    """Fold `stringData`, a convenience of writing, into `data`: nobody behind the decoder sees it."""
    put_zero(secret, "type", "Opaque")
    text = secret.pop("stringData", None)
    if text:
        encoded = {key: base64.b64encode((value or "").encode()).decode() for key, value in text.items()}
        secret["data"] = {**(secret.get("data") or {}), **encoded}


def default_namespace(namespace: Object) -> None:
    name = (namespace.get("metadata") or {}).get("name")
    if name:
        metadata = namespace["metadata"]
        put(metadata, "labels", {})
        put(metadata["labels"], NAME_LABEL, name)
    put(namespace, "spec", {})


def default_node(node: Object) -> None:
    put(node, "spec", {})
    status = node["status"]
    for name in ("capacity", "allocatable"):
        if status.get(name):
            canonical_list(status[name])
    if status.get("capacity") and not status.get("allocatable"):
        status["allocatable"] = dict(status["capacity"])


def default_persistent_volume(volume: Object) -> None:
    put_zero(volume["status"], "phase", "Pending")
    spec = part(volume, "spec")
    put_zero(spec, "persistentVolumeReclaimPolicy", "Retain")
    put(spec, "volumeMode", "Filesystem")
    default_volume_source(spec)
    if spec.get("capacity"):
        canonical_list(spec["capacity"])


def default_persistent_volume_claim(claim: Object) -> None:
    put_zero(claim["status"], "phase", "Pending")
    default_claim_spec(part(claim, "spec"))
    if claim["status"].get("capacity"):
        canonical_list(claim["status"]["capacity"])


def default_pod_template(template: Object) -> None:
    default_template(part(template, "template"))


def default_replication_controller(controller: Object) -> None:
    spec = part(controller, "spec")
    put(spec, "replicas", 1)
    template = spec.get("template")
    if template is None:
        return
    default_template(template)
    labels = template["metadata"].get("labels")
    if labels:
        put_zero(spec, "selector", dict(labels))
        put(controller, "metadata", {})
        put_zero(controller["metadata"], "labels", dict(labels))


def default_limit_range(limits: Object) -> None:
    for item in (limits.get("spec") or {}).get("limits") or ():
        for name in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
            if item.get(name):
                canonical_list(item[name])
        if item.get("type") == "Container":
            _default_limit_range_item(item)


def _default_limit_range_item(item: Object) -> None:
    default = dict(item.get("max") or {}) | (item.get("default") or {})
    request = dict(item.get("min") or {}) | default | (item.get("defaultRequest") or {})
    if default:
        item["default"] = default
    if request:
        item["defaultRequest"] = request


def default_resource_quota(quota: Object) -> None:
    for half in ("spec", "status"):
        for name in ("hard", "used"):
            amounts = (quota.get(half) or {}).get(name)
            if amounts:
                canonical_list(amounts)
