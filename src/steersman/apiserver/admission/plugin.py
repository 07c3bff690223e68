"""What admission plug-ins share: which writes they care about, and reading what they decide by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes, Operation, Plugin, Side
    from steersman.apiserver.api import API


class AdmissionPlugin:
    """A plug-in that declares its writes as class data and defines `mutate`, `validate`, or both."""

    name: str
    resources: tuple[Resource, ...] = ()
    operations: tuple[Operation, ...] = ("CREATE",)
    subresources: tuple[str, ...] = ("",)

    def __init__(self, api: API) -> None:
        self.api = api

    def configure(self, settings: Object) -> None:
        """Take what an AdmissionConfiguration says about this plug-in. Raises: ValueError."""
        raise ValueError(f"the admission plug-in {self.name} has no settings")

    def handles(self, resource: Resource, subresource: str, operation: Operation) -> bool:
        return (
            resource in self.resources and subresource in self.subresources and operation in self.operations
        )

    async def mutate(self, attributes: Attributes) -> None:
        return

    async def validate(self, attributes: Attributes) -> None:
        return

    async def find(self, resource: Resource, name: str, namespace: str = "") -> Object | None:
        """An object out of the server's caches; None when there is none."""
        try:
            return await self.api.look(resource, name, namespace)
        except NotFound:
            return None


def object_name(attributes: Attributes) -> str:
    """The name of the object a write is about, also before it is stored; its generateName when that is
    all."""
    metadata: Object = (attributes.obj or attributes.old or {}).get("metadata") or {}
    return str(attributes.name or metadata.get("name") or metadata.get("generateName") or "")


def forbidden(attributes: Attributes, why: object) -> Forbidden:
    """`pods "x" is forbidden: <why>`."""
    return Forbidden.of(attributes.resource, object_name(attributes), why)


def acts(plugin: Plugin, side: Side) -> bool:
    """Whether a plug-in has something to do on a side: others are not asked."""
    return getattr(type(plugin), side, None) is not getattr(AdmissionPlugin, side)
