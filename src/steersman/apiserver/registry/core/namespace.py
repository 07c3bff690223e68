"""Namespaces: two-step deletion by the finalizer in the spec, and the label that carries the name.

Source: k8s pkg/registry/core/namespace/strategy.go and storage/storage.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.defaults.core import NAME_LABEL
from steersman.api.defaults.podspec import part
from steersman.apiserver.registry.strategy import Context, StatusStrategy, Strategy, keep

if TYPE_CHECKING:
    from steersman.api.types import Object

FINALIZER = "kubernetes"


class NamespaceStrategy(Strategy):
    """Namespaces, as written through their main resource."""

    extra_fields = ("status.phase",)

    def make_subresources(self) -> dict[str, Strategy]:
        return {"status": StatusStrategy(self), "finalize": FinalizeStrategy(self)}

    def prepare_new(self, ctx: Context, obj: Object) -> None:
        spec = part(obj, "spec")
        finalizers = spec.get("finalizers") or []
        spec["finalizers"] = finalizers if FINALIZER in finalizers else [*finalizers, FINALIZER]
        obj["status"] = {"phase": "Active"}

    def prepare_changed(self, ctx: Context, obj: Object, old: Object) -> None:
        keep(part(obj, "spec"), old.get("spec") or {}, "finalizers")

    def canonicalize(self, obj: Object) -> None:
        metadata = obj["metadata"]
        metadata["labels"] = {**(metadata.get("labels") or {}), NAME_LABEL: metadata["name"]}

    def prepare_for_delete(self, ctx: Context, obj: Object) -> None:
        part(obj, "status")["phase"] = "Terminating"
        obj["metadata"].pop("deletionGracePeriodSeconds", None)

    def deletion_blocked(self, obj: Object) -> bool:
        return bool((obj.get("spec") or {}).get("finalizers"))

    def add_fields(self, fields: dict[str, str], obj: Object) -> None:
        fields["status.phase"] = (obj.get("status") or {}).get("phase") or ""


class FinalizeStrategy(StatusStrategy):
    """The namespace controller says here that a finalizer's work is done."""

    def prepare_for_update(self, ctx: Context, obj: Object, old: Object) -> None:
        keep(obj, old, "status")
