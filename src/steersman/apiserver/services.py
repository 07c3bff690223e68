"""Reaching a Service of the cluster from the server: webhooks, aggregated APIs.

The server need not be on the pod network's service addresses: it picks one of the ready endpoints itself. An
ExternalName Service is reached by that name.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from steersman.api import kinds
from steersman.api.errors import NotFound, ServiceUnavailable
from steersman.apiserver.streaming.destination import Destination, service_addresses

if TYPE_CHECKING:
    from steersman.apiserver.api import API


async def address_of(api: API, namespace: str, name: str, port: int = 443) -> str:
    """Return `host:port` behind a Service. Raises: ServiceUnavailable, with what is missing."""
    try:
        service = await api.look(kinds.SERVICES, name, namespace)
    except NotFound:
        raise ServiceUnavailable(f'service "{name}" not found') from None
    spec = service.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return f"{spec['externalName']}:{port}"
    slices = await api.look_all(kinds.ENDPOINT_SLICES, namespace)
    found = service_addresses(service, slices, Destination("https", name, str(port)))
    if not found:
        raise ServiceUnavailable(f'no endpoints available for service "{name}"')
    return random.choice(found)


def server_name(namespace: str, name: str) -> str:
    """The name the Service's certificate must bear."""
    return f"{name}.{namespace}.svc"
