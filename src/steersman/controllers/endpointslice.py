"""EndpointSlices: the endpoints behind a Service, at most a hundred a slice, one address family a slice.

Reads Services, Pods, Nodes and EndpointSlices from caches; writes EndpointSlices. Endpoints stay in the
slice they are in, so that a change touches as few slices as possible. Source: k8s
pkg/controller/endpointslice and staging/src/k8s.io/endpointslice.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import NotFound
from steersman.api.labels import selector_from_map
from steersman.api.times import rfc3339
from steersman.controllers import pods
from steersman.controllers.runtime import Controller
from steersman.controllers.service_backends import (
    Port,
    ServiceIndex,
    addresses_of,
    is_backend,
    pod_matters,
    ports_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from steersman.api.types import Object

__all__ = ["EndpointSliceController", "SlicePlan", "desired_endpoints", "endpoint", "plan_slices"]

MANAGER = "endpointslice-controller.k8s.io"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
SERVICE_NAME = "kubernetes.io/service-name"
_HEADLESS = "service.kubernetes.io/headless"
_TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"
_ZONE = "topology.kubernetes.io/zone"
_MAX = 100  # endpoints in one slice

Group = tuple[str, tuple[Port, ...]]
"""Address type and ports: what all endpoints of one slice share."""


@dataclass(frozen=True, slots=True)
class SlicePlan:
    create: tuple[Object, ...] = ()
    update: tuple[Object, ...] = ()
    delete: tuple[Object, ...] = ()


def endpoint(service: Object, pod: Object, address: str, zone: str) -> Object:
    """One endpoint with its conditions: ready (takes new traffic), serving (would), terminating."""
    serving, terminating = pods.is_ready(pod), meta.deleting(pod)
    tolerant = bool(service["spec"].get("publishNotReadyAddresses"))
    spec = pod["spec"]
    result: Object = {
        "addresses": [address],
        "conditions": {
            "ready": tolerant or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
    }
    if spec.get("hostname") and spec.get("subdomain") == meta.name(service):
        result["hostname"] = spec["hostname"]
    if spec.get("nodeName"):
        result["nodeName"] = spec["nodeName"]
    if zone:
        result["zone"] = zone
    target = {"kind": "Pod", "namespace": meta.namespace(pod), "name": meta.name(pod), "uid": meta.uid(pod)}
    return result | {"targetRef": target}


def desired_endpoints(
    service: Object, backends: Iterable[Object], zone_of: Callable[[str], str]
) -> dict[Group, list[Object]]:
    """All endpoints of the Service, by address type and ports. `zone_of` gives the zone of a node's name, or
    ""."""
    groups: dict[Group, list[Object]] = {}
    families = service["spec"].get("ipFamilies") or ["IPv4"]
    for pod in backends:
        if not is_backend(pod, include_terminating=True):
            continue
        ports = ports_of(service, pod)
        zone = zone_of(pod["spec"].get("nodeName") or "")
        for family in families:
            address = next((a for a in addresses_of(pod) if (":" in a) == (family == "IPv6")), None)
            if address is not None:
                groups.setdefault((family, ports), []).append(endpoint(service, pod, address, zone))
    return groups


def plan_slices(
    service: Object, groups: dict[Group, list[Object]], present: Sequence[Object], now: float
) -> SlicePlan:
    """Slices to create, update and delete so that together they hold exactly the desired endpoints."""
    if not groups:
        families = service["spec"].get("ipFamilies") or ["IPv4"]
        groups = {(family, ()): [] for family in families}  # an empty slice says: there is nobody
    by_group: dict[Group, list[Object]] = {}
    for each in present:
        by_group.setdefault(_group_of(each), []).append(each)
    create: list[Object] = []
    update: list[Object] = []
    delete = [s for group, slices in by_group.items() if group not in groups for s in slices]
    for group, endpoints in groups.items():
        _plan_group(service, group, endpoints, by_group.get(group, []), now, (create, update, delete))
    return SlicePlan(tuple(create), tuple(update), tuple(delete))


def _plan_group(
    service: Object,
    group: Group,
    endpoints: Sequence[Object],
    present: Sequence[Object],
    now: float,
    into: tuple[list[Object], list[Object], list[Object]],
) -> None:
    create, update, delete = into
    missing = {_identity(e): e for e in endpoints}
    kept: list[list[Object]] = []
    for each in present:  # endpoints stay where they are
        old = (_identity(e) for e in each.get("endpoints") or ())
        kept.append([missing.pop(i) for i in old if i in missing])
    rest = list(missing.values())
    changed = [c != (s.get("endpoints") or []) for c, s in zip(kept, present, strict=True)]
    # New ones go where there is room, into slices that change anyway first, then into the fullest.
    order = sorted(range(len(kept)), key=lambda i: (changed[i], len(kept[i])), reverse=True)
    for i in order:
        room = _MAX - len(kept[i])
        if rest and room > 0:
            kept[i] += rest[:room]
            rest = rest[room:]
    for index, (each, content) in enumerate(zip(present, kept, strict=True)):
        if not content and (endpoints or index):
            delete.append(each)
        elif _differs(each, content, wanted := _metadata(service, each, now)):
            update.append(each | {"metadata": wanted, "endpoints": content})
    for start in range(0, len(rest), _MAX):
        create.append(_new_slice(service, group, rest[start : start + _MAX], now))
    if not endpoints and not present:
        create.append(_new_slice(service, group, [], now))


def _identity(entry: Object) -> tuple[str, str]:
    return entry["addresses"][0], (entry.get("targetRef") or {}).get("uid", "")


def _group_of(each: Object) -> Group:
    ports = tuple(
        Port(p.get("name") or "", p.get("port") or 0, p.get("protocol", "TCP"), p.get("appProtocol") or "")
        for p in each.get("ports") or ()
    )
    return each["addressType"], ports


def _differs(each: Object, endpoints: list[Object], metadata: Object) -> bool:
    if endpoints != (each.get("endpoints") or []):
        return True
    return bool(metadata.get("labels") != each["metadata"].get("labels"))


def _metadata(service: Object, each: Object | None, now: float) -> Object:
    labels = {k: v for k, v in meta.labels(service).items() if k not in (MANAGED_BY, SERVICE_NAME, _HEADLESS)}
    labels |= {MANAGED_BY: MANAGER, SERVICE_NAME: meta.name(service)}
    if service["spec"].get("clusterIP") == "None":
        labels[_HEADLESS] = ""
    old = each["metadata"] if each is not None else {}
    notes = (old.get("annotations") or {}) | {_TRIGGER: rfc3339(now)}
    return old | {"labels": labels, "annotations": notes}


def _new_slice(service: Object, group: Group, endpoints: list[Object], now: float) -> Object:
    family, ports = group
    metadata = _metadata(service, None, now) | {
        "generateName": meta.name(service) + "-",
        "namespace": meta.namespace(service),
        "ownerReferences": [meta.owner_reference(service, kinds.SERVICES)],
    }
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": family,
        "endpoints": endpoints,
        "ports": [_port(port) for port in ports],
    }


def _port(port: Port) -> Object:
    entry: Object = {"name": port.name, "port": port.port, "protocol": port.protocol}
    return entry | ({"appProtocol": port.app_protocol} if port.app_protocol else {})


class EndpointSliceController(Controller):
    name = "endpointslice-controller"
    source = "endpoint-slice-controller"

    def setup(self) -> None:
        self.services = self.informer(kinds.SERVICES)
        self.pods = self.informer(kinds.PODS)
        self.nodes = self.informer(kinds.NODES)
        self.slices = self.informer(kinds.ENDPOINT_SLICES)
        self.slices.add_index("service", _service_key)
        self.index = ServiceIndex(self.services)
        self.for_each(self.services)
        self.slices.add_handler(self._slice_changed)
        self.pods.add_handler(self._pod_changed)
        self.nodes.add_handler(self._node_changed)

    async def reconcile(self, key: str) -> float | None:
        """Make the slices of one Service hold exactly its endpoints."""
        space, name = meta.split_key(key)
        service = self.services.get(name, space)
        if service is None:
            self.writes.forget(key)
            return None  # the slices go with their owner
        selector = service["spec"].get("selector")
        if not selector or service["spec"].get("type") == "ExternalName" or meta.deleting(service):
            return None
        selected = self.pods.list(space, selector_from_map(selector))
        present = [s for s in self.slices.by_index("service", key) if not meta.deleting(s)]
        groups = desired_endpoints(service, selected, self._zone_of)
        plan = plan_slices(service, groups, present, self.clock.time())
        await self._apply(key, plan)
        return None

    async def _apply(self, key: str, plan: SlicePlan) -> None:
        """Additions before removals, so that no reader sees fewer endpoints than there are."""
        for obj in plan.create:
            self.writes.wrote(key, self.slices, await self.client.create(kinds.ENDPOINT_SLICES, obj))
        updates = [self.client.update(kinds.ENDPOINT_SLICES, obj) for obj in plan.update]
        for answer in await asyncio.gather(*updates):
            self.writes.wrote(key, self.slices, answer)
        for obj in plan.delete:
            try:
                await self.client.delete(
                    kinds.ENDPOINT_SLICES, meta.name(obj), meta.namespace(obj), uid=meta.uid(obj)
                )
            except NotFound:
                continue
            self.writes.deleted(key, self.slices, obj)

    def _zone_of(self, node: str) -> str:
        found = self.nodes.get(node) if node else None
        return meta.labels(found).get(_ZONE, "") if found is not None else ""

    def _slice_changed(self, old: Object | None, new: Object | None) -> None:
        for obj in (old, new):
            for key in _service_key(obj) if obj is not None else ():
                self.queue.add(key)

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        if pod_matters(old, new):
            for service in self.index.of_pod(old, new):
                self.queue.add(meta.key(service))

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        """A node's zone came, changed or went: every Service may be concerned."""
        zones = [meta.labels(node).get(_ZONE, "") if node is not None else "" for node in (old, new)]
        if zones[0] != zones[1]:
            for service in self.services.list():
                self.queue.add(meta.key(service))


def _service_key(each: Object) -> tuple[str, ...]:
    """The Service of a slice that this controller manages."""
    labels = meta.labels(each)
    if labels.get(MANAGED_BY) != MANAGER or SERVICE_NAME not in labels:
        return ()
    return (f"{meta.namespace(each)}/{labels[SERVICE_NAME]}",)
