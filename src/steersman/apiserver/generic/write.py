"""One write request on its way through the registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from steersman.api.errors import BadRequest, Invalid
from steersman.apiserver.admission import Attributes
from steersman.apiserver.registry.strategy import Context

if TYPE_CHECKING:
    from steersman.api.fields import FieldError
    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.admission import Operation
    from steersman.apiserver.api import API
    from steersman.apiserver.authn import User
    from steersman.apiserver.generic.options import WriteOptions
    from steersman.apiserver.registry.strategy import Strategy
    from steersman.apiserver.view import View


class AdmittedForm(Protocol):
    """A kind in whose form a sub-resource shows the object, e.g. Scale."""

    def read(self, resource: Resource, obj: Object) -> Object:
        """Return that form of an object."""
        ...

    def write(self, resource: Resource, obj: Object, scale: Object) -> None:
        """Give `obj` what its form says."""
        ...


@dataclass(slots=True)
class Write:
    """Who writes what, where and how. `strategy` is that of the sub-resource when there is one."""

    api: API
    view: View
    strategy: Strategy
    subresource: str
    namespace: str
    name: str
    user: User
    options: WriteOptions
    warnings: list[str]
    applies: bool = False
    """A server-side apply: it has settled who owns which fields itself."""
    annotations: dict[str, str] | None = None
    """Where admission notes what belongs into the audit event; None when nobody records it."""
    form: AdmittedForm | None = None
    """How admission sees the objects, where the sub-resource has a kind of its own (Scale)."""
    admitted: bool = False
    """Admission has judged the request already, in the form of its sub-resource (Binding)."""
    retries: bool = False
    """The change is computed from what is stored; when somebody else writes in between it is computed
    again."""

    def context(self, now: float) -> Context:
        """Return what strategies may know."""
        return Context(
            resource=self.view.resource,
            namespace=self.namespace,
            name=self.name,
            subresource=self.subresource,
            user=self.user.name,
            groups=self.user.groups,
            now=now,
            dry_run=self.options.dry_run,
            allocators=self.api.allocators,
            warnings=self.warnings,
        )

    def attributes(self, operation: Operation, obj: Object | None, old: Object | None) -> Attributes:
        """Return what admission plug-ins see."""
        if self.form is not None:
            resource = self.view.resource
            obj = None if obj is None else self.form.read(resource, obj)
            old = None if old is None else self.form.read(resource, old)
        return Attributes(
            operation=operation,
            resource=self.view.resource,
            subresource=self.subresource,
            namespace=self.namespace,
            name=self.name,
            obj=obj,
            old=old,
            user=self.user,
            dry_run=self.options.dry_run,
            warnings=self.warnings,
            field_manager=self.options.field_manager,
            audit={} if self.annotations is None else self.annotations,
        )

    async def mutate(self, attributes: Attributes) -> None:
        """Run the mutating side of admission; once more when a plug-in changed what others had seen."""
        if self.admitted:
            return
        plugins = self.api.plugins_for(attributes, "mutate")
        for plugin in plugins:
            await plugin.mutate(attributes)
        if attributes.again:
            attributes.round = 1
            for plugin in plugins:
                await plugin.mutate(attributes)

    async def validate(self, attributes: Attributes) -> None:
        """Run the validating side of admission."""
        if self.admitted:
            return
        for plugin in self.api.plugins_for(attributes, "validate"):
            await plugin.validate(attributes)


def check_place(write: Write, obj: Object) -> None:
    """Give the object the namespace of its URL. Raises: BadRequest when it names another, or another name."""
    metadata = obj.get("metadata")
    if metadata is None:
        metadata = obj["metadata"] = {}
    if not isinstance(metadata, dict):
        raise BadRequest("metadata must be an object")
    if write.view.resource.namespaced:
        given = metadata.get("namespace")
        if given and given != write.namespace:
            raise BadRequest(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        metadata["namespace"] = write.namespace
    elif metadata.get("namespace"):
        raise BadRequest("namespace may not be set on a cluster-scoped object")
    given = metadata.get("name") or ""
    if write.name and given and given != write.name:
        raise BadRequest(
            f"the name of the object ({given}) does not match the name on the URL ({write.name})"
        )


def check_valid(write: Write, name: str, errors: list[FieldError]) -> None:
    """Raise Invalid when there are errors."""
    if errors:
        raise Invalid.of(write.view.resource, name, errors)
