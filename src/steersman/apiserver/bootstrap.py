"""The objects a server makes sure of when it starts: namespaces, priority classes, roles, its own Service."""

from __future__ import annotations

import ipaddress
import logging
from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import AlreadyExists, Invalid, NotFound
from steersman.apiserver import authz

if TYPE_CHECKING:
    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.api import API

log = logging.getLogger("steersman.apiserver.bootstrap")
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
    address = str(next(ipaddress.ip_network(api.config.service_cidr).hosts()))
    labels = {"component": "apiserver", "provider": "kubernetes"}
    service: Object = {
        "metadata": {"name": "kubernetes", "labels": labels},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": address,
            "clusterIPs": [address],
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "sessionAffinity": "None",
            "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": api.port or 6443}],
        },
    }
    await ensure(api, kinds.SERVICES, service, "default")
    if not api.store.shared:
        await point(api, [(api.advertised, api.port or 6443)])


async def point(api: API, servers: list[tuple[str, int]]) -> None:
    """Point the Service `kubernetes` at servers, given by address and port, at least one."""
    await _point(api, kinds.ENDPOINTS, _endpoints(servers))
    await _point(api, kinds.ENDPOINT_SLICES, _slice(servers))


async def _point(api: API, resource: Resource, wanted: Object) -> None:
    """Create an object, or give an existing one the content it should have."""

    def change(old: Object) -> Object:
        return {**old, **{key: value for key, value in wanted.items() if key != "metadata"}}

    try:
        await api.update(resource, "kubernetes", change, "default")
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


def _slice(servers: list[tuple[str, int]]) -> Object:
    """A slice has one port for all: servers on another than the first one's are left to the Endpoints."""
    first = min(port for _, port in servers)
    addresses = sorted(address for address, port in servers if port == first)
    return {
        "metadata": {"name": "kubernetes", "labels": {"kubernetes.io/service-name": "kubernetes"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in addresses],
        "ports": [_port(first)],
    }


def _port(number: int) -> Object:
    return {"name": "https", "port": number, "protocol": "TCP"}
