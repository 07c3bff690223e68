"""Workloads of the group apps: generations, and what a status write may touch.

Source: k8s pkg/registry/apps/{deployment,replicaset,statefulset,daemonset}/strategy.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.apiserver.registry.strategy import Context, StatusStrategy, Strategy, same_but_metadata

if TYPE_CHECKING:
    from steersman.api.types import Object

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


class WorkloadStatus(StatusStrategy):
    """Status writes of workloads leave labels alone; the Deployment controller does write annotations."""

    keeps_labels = True


class WorkloadStrategy(Strategy):
    """ReplicaSets and StatefulSets, and the base of the others."""

    counts_generation = True

    def make_subresources(self) -> dict[str, Strategy]:
        return {"status": WorkloadStatus(self)}


class DeploymentStrategy(WorkloadStrategy):
    """Deployments: annotations are part of what the controller acts on, so they count as a generation."""

    def count_generation(self, obj: Object, old: Object) -> None:
        before = meta.generation(old)
        same = same_but_metadata(obj, old) and meta.annotations(obj) == meta.annotations(old)
        obj["metadata"]["generation"] = before if same else before + 1


class ReplicaSetStrategy(WorkloadStrategy):
    """ReplicaSets: field selectors see how many replicas there are."""

    extra_fields = ("status.replicas",)

    def add_fields(self, fields: dict[str, str], obj: Object) -> None:
        fields["status.replicas"] = str((obj.get("status") or {}).get("replicas") or 0)


class ReplicationControllerStrategy(ReplicaSetStrategy):
    """ReplicationControllers: deleting one leaves its pods unless told otherwise."""

    default_propagation = "Orphan"


class DaemonSetStrategy(WorkloadStrategy):
    """DaemonSets: an annotation still counts the changes of the template."""

    def prepare_new(self, ctx: Context, obj: Object) -> None:
        _set_template_generation(obj, 1)

    def prepare_changed(self, ctx: Context, obj: Object, old: Object) -> None:
        try:
            generation = int(meta.annotations(old).get(TEMPLATE_GENERATION, "1"))
        except ValueError:
            generation = 1
        same = (obj.get("spec") or {}).get("template") == (old.get("spec") or {}).get("template")
        _set_template_generation(obj, generation if same else generation + 1)


def _set_template_generation(obj: Object, generation: int) -> None:
    annotations = dict(meta.annotations(obj))
    annotations[TEMPLATE_GENERATION] = str(generation)
    obj["metadata"]["annotations"] = annotations
