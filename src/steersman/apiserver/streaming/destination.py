"""What a proxied name means: scheme, object, port, and the addresses behind it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from steersman.api import meta
from steersman.api.errors import BadRequest, ServiceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from steersman.api.types import Object

SERVICE_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Destination:
    """`port` is a number or a name, as text; empty means the default."""

    scheme: str
    name: str
    port: str


def parse_name(text: str) -> Destination:
    """Split `[scheme:]name[:port]`; an empty scheme or port may be written (`:name:80`). Raises
    BadRequest."""
    parts = text.split(":")
    match parts:
        case [name]:
            return Destination("", name, "")
        case [name, port]:
            return Destination("", name, port)
        case ["" | "http" | "https" as scheme, name, port]:
            return Destination(scheme, name, port)
        case _:
            raise BadRequest(f'invalid proxy request "{text}": expected [http:|https:]name[:port]')


def _proxyable(address: str) -> bool:
    """Whether an address may be proxied to: the server's own loopback and link-local addresses may not."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return not (ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified)


def _host_port(address: str, port: int | str) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def pod_url(pod: Object, wanted: Destination) -> str:
    """Where a pod listens: the port asked for (a number or a container port's name), or its first one."""
    address = (pod.get("status") or {}).get("podIP")
    if not address:
        raise ServiceUnavailable(f'pod "{wanted.name}" has no address yet')
    if not _proxyable(address):
        raise BadRequest("address not allowed")
    ports = [
        port
        for container in (pod.get("spec") or {}).get("containers") or ()
        for port in container.get("ports") or ()
    ]
    number: int | str = wanted.port
    if not number:
        number = ports[0]["containerPort"] if ports else 80
    elif not wanted.port.isdigit():
        number = next((port["containerPort"] for port in ports if port.get("name") == wanted.port), 0)
    if not number:
        raise ServiceUnavailable(f'no port "{wanted.port}" found for pod "{wanted.name}"')
    return f"{wanted.scheme or 'http'}://{_host_port(address, number)}"


def node_url(kubelet: str, wanted: Destination) -> str:
    """The kubelet, or another port of the node's address."""
    parts = urlsplit(kubelet)
    if not wanted.port or wanted.port == str(parts.port):
        return kubelet
    return f"{wanted.scheme or 'http'}://{_host_port(parts.hostname or '', wanted.port)}"


def service_port(service: Object, wanted: str) -> Object | None:
    """The service's port of that name or number; its only one when none is asked for."""
    ports: list[Object] = (service.get("spec") or {}).get("ports") or []
    if not wanted:
        return ports[0] if len(ports) == 1 else next((port for port in ports if not port.get("name")), None)
    return next(
        (port for port in ports if wanted in (port.get("name"), str(port.get("port")))),
        None,
    )


def service_addresses(service: Object, slices: Iterable[Object], wanted: Destination) -> list[str]:
    """`host:port` of every ready endpoint. Raises ServiceUnavailable when the service has no such port."""
    port = service_port(service, wanted.port)
    if port is None:
        raise ServiceUnavailable(f'no service port "{wanted.port}" found for service "{wanted.name}"')
    own = [item for item in slices if meta.labels(item).get(SERVICE_LABEL) == wanted.name]
    return [address for item in own for address in _ready(item, port.get("name") or "")]


def _ready(endpoint_slice: Object, port_name: str) -> Iterator[str]:
    number = next(
        (
            port.get("port")
            for port in endpoint_slice.get("ports") or ()
            if (port.get("name") or "") == port_name
        ),
        None,
    )
    if number is None:
        return
    for endpoint in endpoint_slice.get("endpoints") or ():
        if (endpoint.get("conditions") or {}).get("ready") is not False:
            for address in filter(_proxyable, endpoint.get("addresses") or ()):
                yield _host_port(address, number)


def split_proxy_path(raw_path: str, *, namespaced: bool) -> tuple[str, str]:
    """(the proxy's own path, what follows it with its leading slash) of a request's path as it was sent."""
    # /api/v1/namespaces/<namespace>/pods/<name>/proxy/... and /api/v1/nodes/<name>/proxy/...
    segments = raw_path.split("/")
    count = 8 if namespaced else 6
    own = "/".join(segments[:count])
    return own, raw_path[len(own) :]


def rewrite_location(location: str, host: str, prefix: str) -> str:
    """A redirect to the proxied server, put below the proxy's path; others stay as they are."""
    parts = urlsplit(location)
    if parts.netloc and parts.netloc != host:
        return location
    if not parts.netloc and not location.startswith("/"):
        return location
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{prefix}{parts.path}{query}{fragment}"
