"""A StatefulSet's pods by ordinal: names, labels, host names, claims. Pure.

Source: k8s pkg/controller/statefulset/stateful_set_utils.go.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.controllers.history import HASH_LABEL
from steersman.controllers.pods import from_template

if TYPE_CHECKING:
    from steersman.api.types import Object

__all__ = ["POD_INDEX", "POD_NAME", "claims", "make_pod", "ordinal_of", "revision_of"]

POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"
_ORDINAL = re.compile(r"(.*)-([0-9]+)")


def ordinal_of(owner: Object, pod: Object) -> int | None:
    """The pod's number in the set; None for a pod with another name."""
    match = _ORDINAL.fullmatch(meta.name(pod))
    return int(match[2]) if match is not None and match[1] == meta.name(owner) else None


def revision_of(pod: Object) -> str:
    """Name of the revision the pod was made of."""
    return meta.labels(pod).get(HASH_LABEL, "")


def make_pod(owner: Object, template: Object, revision: str, ordinal: int) -> Object:
    """The pod of an ordinal, of the template of a revision (its name)."""
    pod = from_template(template, owner, kinds.STATEFUL_SETS)
    metadata, spec = pod["metadata"], pod["spec"]
    del metadata["generateName"]
    name = metadata["name"] = f"{meta.name(owner)}-{ordinal}"
    metadata.setdefault("labels", {}).update({POD_NAME: name, POD_INDEX: str(ordinal), HASH_LABEL: revision})
    spec["hostname"] = name
    if owner["spec"].get("serviceName"):
        spec["subdomain"] = owner["spec"]["serviceName"]
    volumes = {
        template["metadata"]["name"]: _claim_name(owner, template, ordinal)
        for template in owner["spec"].get("volumeClaimTemplates") or ()
    }
    if volumes:
        kept = [volume for volume in spec.get("volumes") or () if volume["name"] not in volumes]
        spec["volumes"] = kept + [
            {"name": volume, "persistentVolumeClaim": {"claimName": claim}}
            for volume, claim in volumes.items()
        ]
    return pod


def claims(owner: Object, ordinal: int) -> list[Object]:
    """The PersistentVolumeClaims of an ordinal."""
    made = []
    retention = owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    for template in owner["spec"].get("volumeClaimTemplates") or ():
        labels = dict((owner["spec"].get("selector") or {}).get("matchLabels") or {})
        metadata: Object = {
            "name": _claim_name(owner, template, ordinal),
            "namespace": meta.namespace(owner),
            "labels": labels | (template["metadata"].get("labels") or {}),
            "annotations": template["metadata"].get("annotations") or {},
        }
        if retention.get("whenDeleted") == "Delete":
            metadata["ownerReferences"] = [meta.owner_reference(owner, kinds.STATEFUL_SETS, controller=False)]
        made.append({"metadata": metadata, "spec": deepcopy(template["spec"])})
    return made


def _claim_name(owner: Object, template: Object, ordinal: int) -> str:
    return f"{template['metadata']['name']}-{meta.name(owner)}-{ordinal}"
