"""Which ReplicaSet belongs to the present template, and the numbering of revisions. Pure.

Source: k8s pkg/controller/deployment/util.
"""

from __future__ import annotations

import hashlib
from copy import deepcopy
from typing import TYPE_CHECKING

import orjson

from steersman.api import kinds, meta

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from steersman.api.types import Object

__all__ = [
    "DESIRED",
    "HASH_LABEL",
    "MAX",
    "REVISION",
    "annotations_for",
    "by_age",
    "make_replica_set",
    "next_revision",
    "obsolete",
    "revision_of",
    "same_template",
    "size_annotations",
    "split",
    "template_hash",
]

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAX = "deployment.kubernetes.io/max-replicas"

_NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "deprecated.deployment.rollback.to",
        REVISION,
        HISTORY,
        DESIRED,
        MAX,
    }
)
_HISTORY_MAX = 2000  # characters kept of the list of revisions one template has had
_SAFE = "bcdfghjklmnpqrstvwxz2456789"  # no vowels: no accidental words


def template_hash(template: Object, collisions: int = 0) -> str:
    """A short stable name for a pod template; `collisions` gives another one when the first was taken."""
    content = orjson.dumps(template, option=orjson.OPT_SORT_KEYS) + (
        b"%d" % collisions if collisions else b""
    )
    number = int.from_bytes(hashlib.blake2s(content, digest_size=4).digest(), "big")
    return "".join(_SAFE[ord(digit) % len(_SAFE)] for digit in str(number))


def same_template(one: Object, other: Object) -> bool:
    """Equal but for the hash label."""
    return _without_hash(one) == _without_hash(other)


def _without_hash(template: Object) -> Object:
    metadata = template.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH_LABEL}
    return template | {"metadata": metadata | {"labels": labels}}


def by_age(sets: Iterable[Object]) -> list[Object]:
    """Oldest first."""
    return sorted(sets, key=lambda rs: (rs["metadata"].get("creationTimestamp") or "", meta.name(rs)))


def split(deployment: Object, sets: Sequence[Object]) -> tuple[Object | None, list[Object]]:
    """(the ReplicaSet of the present template, the others, oldest first)."""
    ordered = by_age(sets)
    template = deployment["spec"]["template"]
    new = next((rs for rs in ordered if same_template(rs["spec"]["template"], template)), None)
    return new, [rs for rs in ordered if rs is not new]


def revision_of(obj: Object) -> int:
    """The revision number of a ReplicaSet or Deployment; 0 when it has none (or something unreadable)."""
    text = meta.annotations(obj).get(REVISION, "")
    return int(text) if text.isdecimal() else 0


def next_revision(old: Iterable[Object]) -> int:
    return max((revision_of(rs) for rs in old), default=0) + 1


def annotations_for(deployment: Object, rs: Object | None, revision: int) -> dict[str, str]:
    """Annotations of the new ReplicaSet: the Deployment's, its own, and a revision not below `revision`."""
    present = meta.annotations(rs) if rs is not None else {}
    copied = {key: value for key, value in meta.annotations(deployment).items() if key not in _NOT_COPIED}
    result = present | copied
    before = present.get(REVISION, "")
    if not before.isdecimal() or int(before) < revision:
        result[REVISION] = str(revision)
        if before:
            history = f"{present[HISTORY]},{before}" if present.get(HISTORY) else before
            while len(history) > _HISTORY_MAX:
                history = history.partition(",")[2]
            result[HISTORY] = history
    return result


def size_annotations(deployment: Object, max_surge: int) -> dict[str, str]:
    """How large the Deployment was to be when the set was last scaled: the base of proportional scaling."""
    replicas = deployment["spec"].get("replicas", 1)
    return {DESIRED: str(replicas), MAX: str(replicas + max_surge)}


def make_replica_set(deployment: Object, revision: int, replicas: int, max_surge: int) -> Object:
    """The ReplicaSet of the present template, to be created."""
    spec = deployment["spec"]
    hashed = template_hash(spec["template"], (deployment.get("status") or {}).get("collisionCount") or 0)
    template = deepcopy(spec["template"])
    template.setdefault("metadata", {}).setdefault("labels", {})[HASH_LABEL] = hashed
    selector = deepcopy(spec["selector"])
    selector.setdefault("matchLabels", {})[HASH_LABEL] = hashed
    metadata = {
        "name": f"{meta.name(deployment)}-{hashed}",
        "namespace": meta.namespace(deployment),
        "labels": dict(template["metadata"]["labels"]),
        "annotations": annotations_for(deployment, None, revision) | size_annotations(deployment, max_surge),
        "ownerReferences": [meta.owner_reference(deployment, kinds.DEPLOYMENTS)],
    }
    made: Object = {"replicas": replicas, "selector": selector, "template": template}
    if spec.get("minReadySeconds"):
        made["minReadySeconds"] = spec["minReadySeconds"]
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": made}


def obsolete(deployment: Object, old: Sequence[Object]) -> list[Object]:
    """Old ReplicaSets beyond `revisionHistoryLimit`, lowest revision first; only empty, settled ones."""
    limit = deployment["spec"].get("revisionHistoryLimit")
    kept = [rs for rs in old if not meta.deleting(rs)]
    if limit is None or len(kept) <= limit:
        return []
    kept.sort(key=revision_of)
    return [rs for rs in kept[: len(kept) - limit] if _settled_empty(rs)]


def _settled_empty(rs: Object) -> bool:
    status = rs.get("status") or {}
    settled = meta.generation(rs) <= status.get("observedGeneration", 0)
    return not status.get("replicas") and not rs["spec"].get("replicas") and settled
