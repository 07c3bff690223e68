"""CustomResourceDefinitions: a fresh status, two-step deletion by a finalizer.

Source: k8s apiextensions-apiserver pkg/registry/customresourcedefinition (strategy.go, etcd.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta, times
from steersman.apiserver.registry.strategy import Context, Strategy

if TYPE_CHECKING:
    from steersman.api.types import Object

FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
_BEGINS_SOON = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"


class CustomResourceDefinitionStrategy(Strategy):
    """CustomResourceDefinitions, as written through their main resource."""

    counts_generation = True
    allow_unconditional_update = False

    def prepare_new(self, ctx: Context, obj: Object) -> None:
        versions = (obj.get("spec") or {}).get("versions") or ()
        obj["status"] = {
            "conditions": [],
            "acceptedNames": {"plural": "", "kind": ""},
            "storedVersions": [version.get("name", "") for version in versions if version.get("storage")],
        }

    def prepare_changed(self, ctx: Context, obj: Object, old: Object) -> None:
        if meta.deleting(old) and FINALIZER in (old["metadata"].get("finalizers") or ()):
            return
        status = obj.get("status")
        if status is None:
            return
        known = status.get("storedVersions") or []
        for version in (obj.get("spec") or {}).get("versions") or ():
            if version.get("storage") and version.get("name") not in known:
                obj["status"] = status = {**status, "storedVersions": [*known, version["name"]]}

    def deletion_blocked(self, obj: Object) -> bool:
        """The first DELETE only marks: the objects go before their definition."""
        return not meta.deleting(obj)

    def prepare_for_delete(self, ctx: Context, obj: Object) -> None:
        metadata = obj["metadata"]
        finalizers = metadata.get("finalizers") or []
        if FINALIZER not in finalizers:
            metadata["finalizers"] = [*finalizers, FINALIZER]
        status = obj.setdefault("status", {})
        conditions = [
            condition for condition in status.get("conditions") or () if condition["type"] != "Terminating"
        ]
        terminating = {
            "type": "Terminating",
            "status": "True",
            "lastTransitionTime": times.rfc3339(ctx.now),
            "reason": "InstanceDeletionPending",
            "message": _BEGINS_SOON,
        }
        status["conditions"] = [*conditions, terminating]
