"""Endpoints: the addresses behind a Service in the older form, one object a Service.

Reads Services and Pods from caches; writes Endpoints. Source: k8s pkg/controller/endpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import AlreadyExists, NotFound
from steersman.api.labels import selector_from_map
from steersman.api.times import rfc3339
from steersman.controllers import pods
from steersman.controllers.runtime import Controller
from steersman.controllers.service_backends import ServiceIndex, is_backend, pod_matters, ports_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object
    from steersman.controllers.service_backends import Port

__all__ = ["EndpointsController", "plan_subsets"]

_CAPACITY = 1000  # addresses in one Endpoints object
_OVER = "endpoints.kubernetes.io/over-capacity"
_TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"
_HEADLESS = "service.kubernetes.io/headless"
_MANAGED_BY = "endpoints.kubernetes.io/managed-by"


def plan_subsets(service: Object, backends: Iterable[Object]) -> list[Object]:
    """The subsets for the pods selected by the Service: one for each set of ports, sorted by address."""
    tolerant = bool(service["spec"].get("publishNotReadyAddresses"))
    headless = service["spec"].get("clusterIP") == "None"
    groups: dict[tuple[Port, ...], tuple[list[Object], list[Object]]] = {}
    for pod in backends:
        if not is_backend(pod, include_terminating=tolerant):
            continue
        ports = ports_of(service, pod)
        if not ports and not (headless and not service["spec"].get("ports")):
            continue
        ready, unready = groups.setdefault(ports, ([], []))
        (ready if tolerant or pods.is_ready(pod) else unready).append(_address(service, pod))
    return [_subset(ports, *addresses) for ports, addresses in sorted(groups.items())]


def _subset(ports: tuple[Port, ...], ready: list[Object], unready: list[Object]) -> Object:
    subset: Object = {}
    if ready:
        subset["addresses"] = sorted(ready, key=lambda address: str(address["ip"]))
    if unready:
        subset["notReadyAddresses"] = sorted(unready, key=lambda address: str(address["ip"]))
    if ports:
        subset["ports"] = [_port(port) for port in sorted(ports)]
    return subset


def _port(port: Port) -> Object:
    entry: Object = {"name": port.name} if port.name else {}
    entry |= {"port": port.port, "protocol": port.protocol}
    return entry | ({"appProtocol": port.app_protocol} if port.app_protocol else {})


def _address(service: Object, pod: Object) -> Object:
    spec = pod["spec"]
    address: Object = {"ip": pod["status"]["podIP"]}
    if spec.get("hostname") and spec.get("subdomain") == meta.name(service):
        address["hostname"] = spec["hostname"]
    if spec.get("nodeName"):
        address["nodeName"] = spec["nodeName"]
    target = {"kind": "Pod", "namespace": meta.namespace(pod), "name": meta.name(pod), "uid": meta.uid(pod)}
    return address | {"targetRef": target}


def truncate(subsets: list[Object]) -> tuple[list[Object], bool]:
    """At most `_CAPACITY` addresses, ready ones first; and whether something was left out."""
    if sum(len(s.get(key) or ()) for s in subsets for key in ("addresses", "notReadyAddresses")) <= _CAPACITY:
        return subsets, False
    left, result = _CAPACITY, [dict(subset) for subset in subsets]
    for key in ("addresses", "notReadyAddresses"):
        for subset in result:
            kept = (subset.pop(key, None) or [])[:left]
            left -= len(kept)
            if kept:
                subset[key] = kept
    return [s for s in result if s.get("addresses") or s.get("notReadyAddresses")], True


class EndpointsController(Controller):
    name = "endpoints-controller"
    source = "endpoint-controller"

    def setup(self) -> None:
        self.services = self.informer(kinds.SERVICES)
        self.pods = self.informer(kinds.PODS)
        self.endpoints = self.informer(kinds.ENDPOINTS)
        self.index = ServiceIndex(self.services)
        self.for_each(self.services)
        self.endpoints.add_handler(self._endpoints_changed)
        self.pods.add_handler(self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        """Make the Endpoints of one Service say what its pods say."""
        space, name = meta.split_key(key)
        service = self.services.get(name, space)
        present = self.endpoints.get(name, space)
        if service is None:
            self.writes.forget(key)
            if present is not None and self._ours(present):
                await self._delete(name, space)
            return None
        selector = service["spec"].get("selector")
        if not selector or service["spec"].get("type") == "ExternalName":
            return None
        selected = self.pods.list(space, selector_from_map(selector))
        subsets, over = truncate(plan_subsets(service, selected))
        wanted = self._wanted(service, present, subsets, over)
        if present is None:
            await self._create(key, wanted)
        elif _differs(present, wanted):
            answer = await self.client.update(kinds.ENDPOINTS, wanted)
            self.writes.wrote(key, self.endpoints, answer)
        return None

    def _wanted(self, service: Object, present: Object | None, subsets: list[Object], over: bool) -> Object:
        metadata = present["metadata"] if present is not None else {}
        labels = {k: v for k, v in meta.labels(service).items() if k not in (_HEADLESS, _MANAGED_BY)}
        labels[_MANAGED_BY] = "endpoint-controller"
        if service["spec"].get("clusterIP") == "None":
            labels[_HEADLESS] = ""
        notes = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != _OVER}
        if over:
            notes[_OVER] = "truncated"
        notes[_TRIGGER] = rfc3339(self.clock.time())
        own = {"name": meta.name(service), "namespace": meta.namespace(service)}
        wanted = (present or {"apiVersion": "v1", "kind": "Endpoints"}) | {
            "metadata": metadata | own | {"labels": labels, "annotations": notes}
        }
        return {key: value for key, value in wanted.items() if key != "subsets"} | (
            {"subsets": subsets} if subsets else {}
        )

    async def _create(self, key: str, wanted: Object) -> None:
        try:
            self.writes.wrote(key, self.endpoints, await self.client.create(kinds.ENDPOINTS, wanted))
        except AlreadyExists:
            self.queue.add_after(key, 0.1)

    async def _delete(self, name: str, space: str) -> None:
        try:
            await self.client.delete(kinds.ENDPOINTS, name, space)
        except NotFound:
            return

    @staticmethod
    def _ours(endpoints: Object) -> bool:
        return meta.labels(endpoints).get(_MANAGED_BY) == "endpoint-controller"

    def _endpoints_changed(self, old: Object | None, new: Object | None) -> None:
        some = new or old or {}
        if new is None or self._ours(some):
            self.queue.add(meta.key(some))

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        if pod_matters(old, new):
            for service in self.index.of_pod(old, new):
                self.queue.add(meta.key(service))


def _differs(present: Object, wanted: Object) -> bool:
    def facts(obj: Object) -> tuple[object, ...]:
        return obj.get("subsets") or [], meta.labels(obj), meta.annotations(obj).get(_OVER)

    return facts(present) != facts(wanted)
