"""Jobs: the server chooses selector and pod labels, so that two Jobs never fight over a pod.

Source: k8s pkg/registry/batch/job/strategy.go; the labels are documented with the Job API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.defaults.podspec import part
from steersman.apiserver.registry.strategy import Context, Strategy

if TYPE_CHECKING:
    from steersman.api.types import Object

CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
JOB_NAME = "batch.kubernetes.io/job-name"
_LEGACY_UID, _LEGACY_NAME = "controller-uid", "job-name"


class JobStrategy(Strategy):
    """Jobs; deleting one through the bare API leaves its pods unless told otherwise."""

    counts_generation = True
    default_propagation = "Orphan"
    extra_fields = ("status.successful",)

    def prepare_new(self, ctx: Context, obj: Object) -> None:
        spec = obj.get("spec") or {}
        if not spec.get("manualSelector"):
            _choose_selector(obj["metadata"], spec)

    def add_fields(self, fields: dict[str, str], obj: Object) -> None:
        fields["status.successful"] = str((obj.get("status") or {}).get("succeeded") or 0)


def _choose_selector(metadata: Object, spec: Object) -> None:
    """Set selector and labels, unless the client named other ones: validation then refuses those."""
    template = part(spec, "template")
    labels = dict((template.get("metadata") or {}).get("labels") or {})
    uid, name = metadata["uid"], metadata["name"]
    for key, value in ((_LEGACY_UID, uid), (_LEGACY_NAME, name), (CONTROLLER_UID, uid), (JOB_NAME, name)):
        labels.setdefault(key, value)
    template["metadata"] = {**(template.get("metadata") or {}), "labels": labels}
    selector = spec.get("selector") or {}
    matches = {CONTROLLER_UID: uid, **(selector.get("matchLabels") or {})}
    spec["selector"] = {**selector, "matchLabels": matches}
