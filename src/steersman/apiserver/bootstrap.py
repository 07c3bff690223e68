"""The objects a server makes sure of when it starts: namespaces, priority classes, roles, its own Service."""

from __future__ import annotations

import ipaddress
import logging
import re
from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.cidr import family_of
from steersman.api.errors import AlreadyExists, Invalid, NotFound
from steersman.apiserver import authz

if TYPE_CHECKING:
    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.api import API

log = logging.getLogger("steersman.apiserver.bootstrap")
_OWN_SLICE = re.compile(r"kubernetes-ipv[46]-\d+")
NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
PRIORITY_CLASSES = (
    (
        "system-node-critical",
        2000001000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
    (
        "system-cluster-critical",
        2000000000,
        "Used for system critical pods that must run in the cluster, "
        "but can be moved to another node if necessary.",
    ),
)


async def objects(api: API) -> None:
    """Create what is missing; what is there is left as it is."""
    for name in NAMESPACES:
        await ensure(api, kinds.NAMESPACES, {"metadata": {"name": name}})
    for name, value, text in PRIORITY_CLASSES:
        priority: Object = {"metadata": {"name": name}, "value": value, "description": text}
        await ensure(api, kinds.PRIORITY_CLASSES, priority)
    for obj in authz.bootstrap_objects():
        resource = kinds.by_kind(obj["apiVersion"], obj["kind"])
        assert resource is not None, obj
        await ensure(api, resource, obj, meta.namespace(obj))


async def ensure(api: API, resource: Resource, obj: Object, namespace: str = "") -> None:
    """Create an object unless there is one of that name."""
    if await api.exists(resource, meta.name(obj), namespace):
        return
    try:
        await api.create(resource, obj, namespace)
    except AlreadyExists:
        log.debug("%s %s was made by somebody else meanwhile", resource, meta.name(obj))
    except Invalid:
        # A server without one of its default objects is of more use than no server.
        log.exception("the default object %s %s could not be made", resource, meta.name(obj))


async def kubernetes_service(api: API) -> None:
    """Make the Service `kubernetes`, and point it at this server when it is the only one."""
    cidrs = api.config.service_cidrs
    address = str(next(ipaddress.ip_network(cidrs[0]).hosts()))
    labels = {"component": "apiserver", "provider": "kubernetes"}
    service: Object = {
        "metadata": {"name": "kubernetes", "labels": labels},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": address,
            "clusterIPs": [address],
            "ipFamilies": [family_of(address)],
            "ipFamilyPolicy": "SingleStack",
            "sessionAffinity": "None",
            "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": api.port or 6443}],
        },
    }
    await ensure(api, kinds.SERVICES, service, "default")
    await _service_cidr(api, cidrs)
    if not api.store.shared:
        await point(api, [(api.advertised, api.port or 6443)])


async def _service_cidr(api: API, cidrs: tuple[str, ...]) -> None:
    """Show the service networks as the ServiceCIDR `kubernetes`; its networks never change, so it is made
    anew when the settings have."""
    try:
        present = await api.get(kinds.SERVICE_CIDRS, "kubernetes")
        if present["spec"]["cidrs"] == list(cidrs):
            return
        await api.delete(kinds.SERVICE_CIDRS, "kubernetes")
    except NotFound:
        log.debug("there is no ServiceCIDR yet")
    await ensure(
        api, kinds.SERVICE_CIDRS, {"metadata": {"name": "kubernetes"}, "spec": {"cidrs": list(cidrs)}}
    )
    ready: Object = {"type": "Ready", "status": "True", "message": "Kubernetes Service CIDR is ready"}
    conditions = meta.set_condition([], {**ready, "reason": ""}, api.clock.time())

    def change(old: Object) -> Object:
        return {**old, "status": {"conditions": conditions}}

    await api.update(kinds.SERVICE_CIDRS, "kubernetes", change, subresource="status")


async def point(api: API, servers: list[tuple[str, int]]) -> None:
    """Point the Service `kubernetes` at servers, given by address and port, at least one."""
    await _point(api, kinds.ENDPOINTS, _endpoints(servers))
    slices = {meta.name(one): one for one in _slices(servers)}
    for wanted in slices.values():
        await _point(api, kinds.ENDPOINT_SLICES, wanted)
    for name in {meta.name(one) for one in await api.list(kinds.ENDPOINT_SLICES, "default")} - slices.keys():
        if _OWN_SLICE.fullmatch(name):
            await api.delete(kinds.ENDPOINT_SLICES, name, "default")


async def _point(api: API, resource: Resource, wanted: Object) -> None:
    """Create an object, or give an existing one the content it should have."""

    def change(old: Object) -> Object:
        return {**old, **{key: value for key, value in wanted.items() if key != "metadata"}}

    try:
        await api.update(resource, meta.name(wanted), change, "default")
    except NotFound:
        await api.create(resource, wanted, "default")


def _endpoints(servers: list[tuple[str, int]]) -> Object:
    by_port: dict[int, list[str]] = {}
    for address, port in sorted(servers):
        by_port.setdefault(port, []).append(address)
    return {
        "metadata": {"name": "kubernetes", "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
        "subsets": [
            {"addresses": [{"ip": address} for address in addresses], "ports": [_port(port)]}
            for port, addresses in sorted(by_port.items())
        ],
    }


def _slices(servers: list[tuple[str, int]]) -> list[Object]:
    """A slice has one port and one family for all its addresses: `kubernetes`, others named after both."""
    places: dict[tuple[str, int], list[str]] = {}
    for address, port in sorted(servers, key=lambda server: (server[1], ":" in server[0], server[0])):
        places.setdefault((family_of(address) or "IPv4", port), []).append(address)
    return [
        {
            "metadata": {
                "name": f"kubernetes-{family.lower()}-{port}" if index else "kubernetes",
                "labels": {"kubernetes.io/service-name": "kubernetes"},
            },
            "addressType": family,
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in addresses],
            "ports": [_port(port)],
        }
        for index, ((family, port), addresses) in enumerate(places.items())
    ]


def _port(number: int) -> Object:
    return {"name": "https", "port": number, "protocol": "TCP"}
