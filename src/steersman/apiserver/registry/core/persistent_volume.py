"""Persistent volumes and claims: their phase, and a claim's two ways to name its data source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.defaults.podspec import part
from steersman.api.times import rfc3339
from steersman.apiserver.registry.strategy import Context, StatusStrategy, Strategy

if TYPE_CHECKING:
    from steersman.api.types import Object


class PersistentVolumeStrategy(Strategy):
    """Volumes begin Pending; each change of phase is timed."""

    def make_subresources(self) -> dict[str, Strategy]:
        return {"status": _VolumeStatus(self)}

    def prepare_new(self, ctx: Context, obj: Object) -> None:
        obj["status"] = {"phase": "Pending", "lastPhaseTransitionTime": rfc3339(ctx.now)}


class _VolumeStatus(StatusStrategy):
    def prepare_changed(self, ctx: Context, obj: Object, old: Object) -> None:
        status, before = part(obj, "status"), old.get("status") or {}
        if status.get("phase") != before.get("phase"):
            if status.get("lastPhaseTransitionTime") in (None, before.get("lastPhaseTransitionTime")):
                status["lastPhaseTransitionTime"] = rfc3339(ctx.now)
        elif "lastPhaseTransitionTime" in before:
            status.setdefault("lastPhaseTransitionTime", before["lastPhaseTransitionTime"])


class PersistentVolumeClaimStrategy(Strategy):
    """Claims begin Pending."""

    def prepare_new(self, ctx: Context, obj: Object) -> None:
        obj["status"] = {"phase": "Pending"}
        _agree_on_source(obj.get("spec") or {})

    def prepare_changed(self, ctx: Context, obj: Object, old: Object) -> None:
        _agree_on_source(obj.get("spec") or {})


def _agree_on_source(spec: Object) -> None:
    """`dataSource` is the older name of `dataSourceRef`; each is shown where it can say the same."""
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source and not reference:
        spec["dataSourceRef"] = dict(source)
    elif reference and not source and not reference.get("namespace"):
        spec["dataSource"] = dict(reference)
