"""All endpoints that answer past the generic registry, by group, resource and sub-resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.apiserver import streaming
from steersman.apiserver.authn import endpoints as authn
from steersman.apiserver.authz import endpoints as authz

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.apiserver.endpoint import Endpoint


def table() -> Mapping[tuple[str, str, str], Endpoint]:
    """Return the endpoints of every family."""
    families = (
        authn.ENDPOINTS,
        authz.ENDPOINTS,
        getattr(streaming, "ENDPOINTS", ()),
    )
    return {(one.group, one.resource, one.subresource): one for family in families for one in family}
