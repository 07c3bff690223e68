"""The scale sub-resource of custom objects: the paths of their definition, as an autoscaling/v1 Scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from steersman.api import fields
from steersman.api.errors import BadRequest, Invalid
from steersman.apiserver.apiextensions.version import value_at
from steersman.apiserver.handlers import scale as handler

if TYPE_CHECKING:
    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.apiextensions.version import ScalePaths
    from steersman.apiserver.apiextensions.view import CustomView
    from steersman.apiserver.handlers.target import Target
    from steersman.apiserver.http.values import Response

_SHOWN_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


async def answer(target: Target) -> Response:
    """Answer GET, PUT and PATCH of a custom object's scale. Raises: ApiError."""
    paths = cast("CustomView", target.view).version.scale
    assert paths is not None
    return await handler.answer(target, CustomScale(paths))


class CustomScale:
    """Reads and writes an object's scale by its definition's paths."""

    def __init__(self, paths: ScalePaths) -> None:
        self._paths = paths

    def read(self, resource: Resource, obj: Object) -> Object:
        """Return the Scale of an object. Raises: Invalid when it has no replicas where they belong."""
        paths, metadata = self._paths, obj["metadata"]
        replicas = value_at(obj, paths.spec_replicas)
        status: Object = {"replicas": value_at(obj, paths.status_replicas) or 0}
        selector = value_at(obj, paths.selector) if paths.selector else None
        if selector:
            status["selector"] = selector
        return {
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": {name: metadata[name] for name in _SHOWN_METADATA if name in metadata},
            "spec": {"replicas": replicas} if replicas else {},
            "status": status,
        }

    def write(self, resource: Resource, obj: Object, scale: Object) -> None:
        """Give `obj` the replicas that `scale` wants. Raises: BadRequest, Invalid."""
        metadata = scale.get("metadata") or {}
        name = metadata.get("name")
        if name and name != obj["metadata"]["name"]:
            raise BadRequest(f"the name of the object ({name}) does not match {obj['metadata']['name']}")
        replicas = (scale.get("spec") or {}).get("replicas") or 0
        if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
            error = fields.invalid("spec.replicas", replicas, "should be a non-negative integer")
            raise Invalid.of(resource, obj["metadata"]["name"], [error])
        *above, last = self._paths.spec_replicas
        place = obj
        for step in above:
            below = place.setdefault(step, {})
            if not isinstance(below, dict):
                error = fields.invalid(".".join(above), below, "is not an object")
                raise Invalid.of(resource, obj["metadata"]["name"], [error])
            place = below
        place[last] = replicas
        if metadata.get("resourceVersion"):
            obj["metadata"]["resourceVersion"] = metadata["resourceVersion"]
