"""Nodes: they register with their status, and carry their pod networks twice (one, and all)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.defaults.podspec import part
from steersman.apiserver.registry.strategy import Context, Strategy

if TYPE_CHECKING:
    from steersman.api.types import Object


class NodeStrategy(Strategy):
    """Nodes; a create keeps the status, because a kubelet registers with it."""

    extra_fields = ("spec.unschedulable",)

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        obj["metadata"].pop("generation", None)
        _agree_on_cidrs(part(obj, "spec"))

    def prepare_changed(self, ctx: Context, obj: Object, old: Object) -> None:
        _agree_on_cidrs(part(obj, "spec"))

    def add_fields(self, fields: dict[str, str], obj: Object) -> None:
        fields["spec.unschedulable"] = "true" if (obj.get("spec") or {}).get("unschedulable") else "false"


def _agree_on_cidrs(spec: Object) -> None:
    if spec.get("podCIDR") and not spec.get("podCIDRs"):
        spec["podCIDRs"] = [spec["podCIDR"]]
    elif spec.get("podCIDRs") and not spec.get("podCIDR"):
        spec["podCIDR"] = spec["podCIDRs"][0]
