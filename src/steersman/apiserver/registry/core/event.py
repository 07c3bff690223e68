"""Events: selectable by what they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.apiserver.registry.strategy import Strategy

if TYPE_CHECKING:
    from steersman.api.types import Object

_ABOUT = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")


class EventStrategy(Strategy):
    """Core events; those of events.k8s.io are the same objects and go by the names of their own version."""

    allow_create_on_update = True
    extra_fields = (
        *(f"involvedObject.{name}" for name in _ABOUT),
        "reason",
        "reportingComponent",
        "source",
        "type",
    )

    def add_fields(self, fields: dict[str, str], obj: Object) -> None:
        about = obj.get("involvedObject") or {}
        for name in _ABOUT:
            if about.get(name):
                fields[f"involvedObject.{name}"] = about[name]
        component = obj.get("reportingComponent") or ""
        source = (obj.get("source") or {}).get("component") or component
        found = {"reason": obj.get("reason"), "type": obj.get("type"), "source": source}
        fields.update({name: value for name, value in found.items() if value})
        if component:
            fields["reportingComponent"] = component


class EventV1Strategy(EventStrategy):
    """events.k8s.io/v1: selectors name `regarding` where core names `involvedObject`."""

    extra_fields = (
        *(f"regarding.{name}" for name in _ABOUT),
        "reason",
        "reportingController",
        "type",
        *EventStrategy.extra_fields,
    )

    def add_fields(self, fields: dict[str, str], obj: Object) -> None:
        super().add_fields(fields, obj)
        for name in _ABOUT:
            if f"involvedObject.{name}" in fields:
                fields[f"regarding.{name}"] = fields[f"involvedObject.{name}"]
        if "reportingComponent" in fields:
            fields["reportingController"] = fields["reportingComponent"]
