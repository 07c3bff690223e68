"""Versions of kinds whose objects differ from the stored form: pure functions both ways.

events.k8s.io/v1 events are the objects of core/v1 under other names of fields; autoscaling/v1 autoscalers are
stored as autoscaling/v2 ones; resource.k8s.io/v1beta1 nests what v1 does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import autoscaler_versions, device_versions, kinds
from steersman.api.kinds import EVENTS_V1, HORIZONTAL_POD_AUTOSCALERS_V1
from steersman.apiserver.view import Conversion

if TYPE_CHECKING:
    from steersman.api.resource import Resource
    from steersman.api.types import Object

_EVENT_FIELDS = {
    "regarding": "involvedObject",
    "note": "message",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
    "reportingController": "reportingComponent",
}
"""Fields of events.k8s.io/v1 and their names in core/v1; all others are the same."""
_CORE_FIELDS = {core: new for new, core in _EVENT_FIELDS.items()}


def event_to_core(event: Object) -> Object:
    """Return an events.k8s.io/v1 Event as a core/v1 one."""
    return {_EVENT_FIELDS.get(name, name): value for name, value in event.items()}


def event_from_core(event: Object) -> Object:
    """Return a core/v1 Event as an events.k8s.io/v1 one."""
    return {_CORE_FIELDS.get(name, name): value for name, value in event.items()}


_DEVICES = "resource.k8s.io/v1beta1"


def _row(api_version: str, kind: str) -> Resource:
    row = kinds.by_kind(api_version, kind)
    assert row is not None
    return row


CONVERSIONS: dict[Resource, Conversion] = {
    EVENTS_V1: Conversion(event_from_core, event_to_core),
    HORIZONTAL_POD_AUTOSCALERS_V1: Conversion(autoscaler_versions.to_v1, autoscaler_versions.to_v2),
    _row(_DEVICES, "ResourceClaim"): Conversion(
        device_versions.claim_to_v1beta1, device_versions.claim_to_v1
    ),
    _row(_DEVICES, "ResourceClaimTemplate"): Conversion(
        device_versions.template_to_v1beta1, device_versions.template_to_v1
    ),
    _row(_DEVICES, "ResourceSlice"): Conversion(
        device_versions.slice_to_v1beta1, device_versions.slice_to_v1
    ),
}
