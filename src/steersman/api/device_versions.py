"""resource.k8s.io/v1beta1 beside v1: two places where the older version nests its fields differently. Pure.

    requests of claims    v1beta1 {name, deviceClassName, count, ...}      v1 {name, exactly: {...}}
    devices of slices     v1beta1 {name, basic: {attributes, ...}}         v1 {name, attributes, ...}

v1beta2 has the form of v1. Source: the API reference of resource.k8s.io.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.api.types import Object

_OF_REQUESTS = ("name", "firstAvailable")
"""Members of a request that are where they are in both versions."""


def claim_to_v1(claim: Object) -> Object:
    """Bring a v1beta1 ResourceClaim into the form of v1; changed in place."""
    _each_request(claim.get("spec"), _nest_request)
    return claim


def claim_to_v1beta1(claim: Object) -> Object:
    """Bring a v1 ResourceClaim into the form of v1beta1; changed in place."""
    _each_request(claim.get("spec"), _flatten_request)
    return claim


def template_to_v1(template: Object) -> Object:
    """Bring a v1beta1 ResourceClaimTemplate into the form of v1; changed in place."""
    _each_request((template.get("spec") or {}).get("spec"), _nest_request)
    return template


def template_to_v1beta1(template: Object) -> Object:
    """Bring a v1 ResourceClaimTemplate into the form of v1beta1; changed in place."""
    _each_request((template.get("spec") or {}).get("spec"), _flatten_request)
    return template


def slice_to_v1(found: Object) -> Object:
    """Bring a v1beta1 ResourceSlice into the form of v1; changed in place."""
    for device in (found.get("spec") or {}).get("devices") or ():
        device.update(device.pop("basic", None) or {})
    return found


def slice_to_v1beta1(found: Object) -> Object:
    """Bring a v1 ResourceSlice into the form of v1beta1; changed in place."""
    for device in (found.get("spec") or {}).get("devices") or ():
        device["basic"] = {name: device.pop(name) for name in tuple(device) if name != "name"}
    return found


def _each_request(spec: Object | None, change: Callable[[Object], None]) -> None:
    for request in ((spec or {}).get("devices") or {}).get("requests") or ():
        change(request)


def _nest_request(request: Object) -> None:
    exactly = {name: request.pop(name) for name in tuple(request) if name not in _OF_REQUESTS}
    if exactly:
        request["exactly"] = exactly


def _flatten_request(request: Object) -> None:
    request.update(request.pop("exactly", None) or {})
