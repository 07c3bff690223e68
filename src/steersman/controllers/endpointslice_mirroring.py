"""EndpointSlices for Endpoints that users write themselves (Services without a selector).

Readers need only look at EndpointSlices. Source: k8s pkg/controller/endpointslicemirroring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import NotFound
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object

__all__ = ["EndpointSliceMirroringController", "plan_mirror"]

MANAGER = "endpointslicemirroring-controller.k8s.io"
_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_SERVICE = "kubernetes.io/service-name"
_SKIP = "endpointslice.kubernetes.io/skip-mirror"
_LEADER = "control-plane.alpha.kubernetes.io/leader"
_OURS = "endpoints.kubernetes.io/managed-by"
_MAX = 1000  # endpoints of one subset that are mirrored; also the most a slice may hold


def plan_mirror(endpoints: Object) -> list[Object]:
    """The slices of an Endpoints object: one for each subset and address family, without names."""
    slices: list[Object] = []
    for subset in endpoints.get("subsets") or ():
        entries = [_endpoint(a, True) for a in subset.get("addresses") or ()]
        entries += [_endpoint(a, False) for a in subset.get("notReadyAddresses") or ()]
        for family in ("IPv4", "IPv6"):
            own = [e for e in entries if (":" in e["addresses"][0]) == (family == "IPv6")]
            if own:
                slices.append(_slice(endpoints, family, own[:_MAX], subset.get("ports") or ()))
    return slices


def _endpoint(address: Object, ready: bool) -> Object:
    entry: Object = {"addresses": [address["ip"]], "conditions": {"ready": ready}}
    for key in ("hostname", "nodeName", "targetRef"):
        if address.get(key):
            entry[key] = address[key]
    return entry


def _slice(endpoints: Object, family: str, entries: list[Object], ports: Iterable[Object]) -> Object:
    labels = dict(meta.labels(endpoints)) | {_MANAGED_BY: MANAGER, _SERVICE: meta.name(endpoints)}
    notes = {key: value for key, value in meta.annotations(endpoints).items() if "last-applied" not in key}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": meta.name(endpoints) + "-",
            "namespace": meta.namespace(endpoints),
            "labels": labels,
            "annotations": notes,
            "ownerReferences": [meta.owner_reference(endpoints, kinds.ENDPOINTS)],
        },
        "addressType": family,
        "endpoints": entries,
        "ports": [{"name": port.get("name", ""), **port} for port in ports],
    }


def _content(each: Object) -> tuple[object, ...]:
    return each["addressType"], each.get("endpoints") or [], each.get("ports") or [], meta.labels(each)


class EndpointSliceMirroringController(Controller):
    name = "endpointslice-mirroring-controller"

    def setup(self) -> None:
        self.endpoints = self.informer(kinds.ENDPOINTS)
        self.services = self.informer(kinds.SERVICES)
        self.slices = self.informer(kinds.ENDPOINT_SLICES)
        self.slices.add_index("mirror", _mirror_key)
        self.for_each(self.endpoints)
        self.for_each(self.services)
        self.slices.add_handler(self._slice_changed)

    async def reconcile(self, key: str) -> float | None:
        """Make the mirrored slices of one Endpoints object say what it says."""
        space, name = meta.split_key(key)
        endpoints, service = self.endpoints.get(name, space), self.services.get(name, space)
        present = self.slices.by_index("mirror", key)
        wanted: list[Object] = []
        if endpoints is not None and service is not None and _mirrored(endpoints, service):
            wanted = plan_mirror(endpoints)
        for each in present:
            same = next((w for w in wanted if _content(w) == _content(each)), None)
            if same is not None:
                wanted.remove(same)
                continue
            spare = next((w for w in wanted if w["addressType"] == each["addressType"]), None)
            if spare is not None and (spare.get("ports") or []) == (each.get("ports") or []):
                wanted.remove(spare)
                metadata = each["metadata"] | {"labels": spare["metadata"]["labels"]}
                changed = spare | {"metadata": metadata}
                self.writes.wrote(key, self.slices, await self.client.update(kinds.ENDPOINT_SLICES, changed))
            else:
                await self._delete(key, each)
        for each in wanted:
            self.writes.wrote(key, self.slices, await self.client.create(kinds.ENDPOINT_SLICES, each))
        return None

    async def _delete(self, key: str, each: Object) -> None:
        try:
            await self.client.delete(
                kinds.ENDPOINT_SLICES, meta.name(each), meta.namespace(each), uid=meta.uid(each)
            )
        except NotFound:
            return
        self.writes.deleted(key, self.slices, each)

    def _slice_changed(self, old: Object | None, new: Object | None) -> None:
        for key in _mirror_key(new or old or {}):
            self.queue.add(key)


def _mirrored(endpoints: Object, service: Object) -> bool:
    """Written by a user, for a Service without a selector, and not told to be left alone."""
    labels, notes = meta.labels(endpoints), meta.annotations(endpoints)
    if labels.get(_SKIP) == "true" or _LEADER in notes or _OURS in labels:
        return False
    return not service["spec"].get("selector") and service["spec"].get("type") != "ExternalName"


def _mirror_key(each: Object) -> tuple[str, ...]:
    labels = meta.labels(each)
    if labels.get(_MANAGED_BY) != MANAGER or _SERVICE not in labels:
        return ()
    return (f"{meta.namespace(each)}/{labels[_SERVICE]}",)
