"""APIServices: what the server implements itself is Available from the start.

Source: k8s kube-aggregator pkg/registry/apiservice/strategy.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.apiserver.aggregation.local import local_condition
from steersman.apiserver.registry.strategy import Context, Strategy

if TYPE_CHECKING:
    from steersman.api.types import Object


class APIServiceStrategy(Strategy):
    """APIServices, as written through their main resource."""

    allow_unconditional_update = False

    def prepare_new(self, ctx: Context, obj: Object) -> None:
        if not (obj.get("spec") or {}).get("service"):
            obj["status"] = {"conditions": [local_condition(ctx.now)]}

    def prepare_changed(self, ctx: Context, obj: Object, old: Object) -> None:
        becomes_local = not (obj.get("spec") or {}).get("service") and (old.get("spec") or {}).get("service")
        if becomes_local:
            obj["status"] = {"conditions": [local_condition(ctx.now)]}
