"""The scale sub-resource: one small object for everything that has replicas.

`read` shows an object's scale, `write` applies one to a private copy of the object.
Source: autoscaling/v1 Scale of the API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import fields, kinds
from steersman.api.defaults.podspec import part
from steersman.api.errors import BadRequest, Invalid
from steersman.api.fields import Path
from steersman.api.labels import selector_from_label_selector, selector_from_map
from steersman.api.validation.rules import NEGATIVE

if TYPE_CHECKING:
    from steersman.api.kinds import Resource
    from steersman.api.types import Object

SCALABLE = (
    kinds.DEPLOYMENTS,
    kinds.REPLICA_SETS,
    kinds.STATEFUL_SETS,
    kinds.REPLICATION_CONTROLLERS,
)
_SHOWN_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def read(resource: Resource, obj: Object) -> Object:
    """Return the Scale of a built-in scalable object."""
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    status: Object = {"replicas": (obj.get("status") or {}).get("replicas") or 0}
    selector = spec.get("selector")
    if selector:
        made = (
            selector_from_map(selector)
            if resource == kinds.REPLICATION_CONTROLLERS
            else selector_from_label_selector(selector)
        )
        status["selector"] = str(made)
    replicas = spec.get("replicas")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in _SHOWN_METADATA if name in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def write(resource: Resource, obj: Object, scale: Object) -> None:
    """Give `obj` the replicas that `scale` wants.  Raises: BadRequest, Invalid."""
    name = (scale.get("metadata") or {}).get("name")
    if name and name != obj["metadata"]["name"]:
        raise BadRequest(f"the name of the object ({name}) does not match {obj['metadata']['name']}")
    replicas = (scale.get("spec") or {}).get("replicas") or 0
    if not isinstance(replicas, int) or replicas < 0:
        error = fields.invalid(Path("spec", "replicas"), replicas, NEGATIVE)
        raise Invalid.of(resource, obj["metadata"]["name"], [error])
    part(obj, "spec")["replicas"] = replicas
    version = (scale.get("metadata") or {}).get("resourceVersion")
    if version:
        obj["metadata"]["resourceVersion"] = version
