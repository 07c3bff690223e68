"""All endpoints that answer past the generic registry, by group, resource and sub-resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.apiserver import streaming
from steersman.apiserver.authn import endpoints as identity
from steersman.apiserver.authz import endpoints as permissions
from steersman.apiserver.endpoint import Endpoint
from steersman.apiserver.handlers.pods import binding, eviction
from steersman.apiserver.handlers.scale import scale
from steersman.apiserver.registry.scale import SCALABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN = (
    Endpoint("", "bindings", "", binding),
    Endpoint("", "pods", "binding", binding),
    Endpoint("", "pods", "eviction", eviction),
    *(Endpoint(resource.group, resource.plural, "scale", scale) for resource in SCALABLE),
)


def table() -> Mapping[tuple[str, str, str], Endpoint]:
    """Return the endpoints of every family."""
    families = (OWN, identity.ENDPOINTS, permissions.ENDPOINTS, streaming.ENDPOINTS)
    return {(one.group, one.resource, one.subresource): one for family in families for one in family}
