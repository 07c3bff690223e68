"""Which pods stand behind a Service, and on which ports: what Endpoints and EndpointSlices are made of. Pure,
but for `ServiceIndex`, which finds the Services a changed pod belongs to.

Source: k8s pkg/api/v1/endpoints, pkg/api/v1/pod FindPort, staging/src/k8s.io/endpointslice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from steersman.api import meta
from steersman.api.labels import Selector, selector_from_map
from steersman.controllers import pods

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object
    from steersman.client import Informer

__all__ = ["Port", "ServiceIndex", "addresses_of", "find_port", "is_backend", "pod_matters", "ports_of"]


class Port(NamedTuple):
    """A port of a backend; `name` and `app_protocol` are empty when not said."""

    name: str
    port: int
    protocol: str
    app_protocol: str


def is_backend(pod: Object, include_terminating: bool) -> bool:
    """Whether the pod may stand behind a Service at all: it has an address and has not ended."""
    if pods.is_terminal(pod) or not (pod.get("status") or {}).get("podIP"):
        return False
    return include_terminating or not meta.deleting(pod)


def addresses_of(pod: Object) -> list[str]:
    """All addresses of the pod, the first one first."""
    status = pod.get("status") or {}
    listed = [entry["ip"] for entry in status.get("podIPs") or () if entry.get("ip")]
    return listed or ([status["podIP"]] if status.get("podIP") else [])


def find_port(pod: Object, service_port: Object) -> int | None:
    """The number of the pod's port that a Service port means; None when the pod has no port of that name."""
    target = service_port.get("targetPort")
    if target is None or target == 0:
        return int(service_port["port"])
    if isinstance(target, int):
        return target
    protocol = service_port.get("protocol", "TCP")
    spec = pod["spec"]
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    for container in (*spec["containers"], *sidecars):
        for port in container.get("ports") or ():
            if port.get("name") == target and port.get("protocol", "TCP") == protocol:
                return int(port["containerPort"])
    return int(target) if target.isdecimal() else None


def ports_of(service: Object, pod: Object) -> tuple[Port, ...]:
    """The Service's ports as numbers of this pod, those it does not have left out."""
    found = []
    for port in service["spec"].get("ports") or ():
        number = find_port(pod, port)
        if number is not None:
            protocol = port.get("protocol", "TCP")
            found.append(Port(port.get("name") or "", number, protocol, port.get("appProtocol") or ""))
    return tuple(found)


def pod_matters(old: Object | None, new: Object | None) -> bool:
    """Whether a change of a pod can change any endpoint."""
    if old is None or new is None:
        return True
    return _facts(old) != _facts(new)


def _facts(pod: Object) -> tuple[object, ...]:
    metadata, spec = pod["metadata"], pod["spec"]
    return (
        metadata.get("uid"),
        metadata.get("labels"),
        meta.deleting(pod),
        addresses_of(pod),
        pods.is_ready(pod),
        pods.is_terminal(pod),
        spec.get("nodeName"),
        spec.get("hostname"),
        spec.get("subdomain"),
    )


class ServiceIndex:
    """Finds the Services whose selector matches a pod's labels; selectors are built once per Service."""

    def __init__(self, services: Informer) -> None:
        self._services = services
        self._selectors: dict[str, tuple[object, Selector]] = {}

    def of_pod(self, old: Object | None, new: Object | None) -> list[Object]:
        """Services that the pod belonged or belongs to."""
        some = new or old or {}
        labels = [meta.labels(pod) for pod in (old, new) if pod is not None]
        return [
            service for service in self._services.list(meta.namespace(some)) if self._matches(service, labels)
        ]

    def _matches(self, service: Object, labels: Iterable[dict[str, str]]) -> bool:
        wanted = service["spec"].get("selector")
        if not wanted:
            return False
        known = self._selectors.get(meta.uid(service))
        if known is None or known[0] != wanted:
            known = self._selectors[meta.uid(service)] = (wanted, selector_from_map(wanted))
        return any(known[1].matches(each) for each in labels)

    def forget(self, service: Object) -> None:
        self._selectors.pop(meta.uid(service), None)
