"""NamespaceLifecycle: nothing is created in a namespace that is missing or going, and three namespaces
stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.errors import Forbidden, NotFound
from steersman.api.kinds import LOCAL_SUBJECT_ACCESS_REVIEWS, NAMESPACES
from steersman.apiserver.admission.plugin import AdmissionPlugin, forbidden
from steersman.apiserver.cache.hub import prefix

if TYPE_CHECKING:
    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes, Operation
    from steersman.apiserver.api import API

IMMORTAL = ("default", "kube-system", "kube-public")


class NamespaceLifecycle(AdmissionPlugin):
    """Knows the namespaces from the watch cache, so that the check costs a look into a dictionary."""

    name = "NamespaceLifecycle"

    def __init__(self, api: API) -> None:
        super().__init__(api)
        self._terminating: dict[str, bool] = {}
        self._following = False

    def handles(self, resource: Resource, subresource: str, operation: Operation) -> bool:
        if resource == NAMESPACES:
            return operation == "DELETE"
        return resource.namespaced and operation == "CREATE" and resource != LOCAL_SUBJECT_ACCESS_REVIEWS

    async def mutate(self, attributes: Attributes) -> None:
        """Refused early, before other plug-ins look for things in the namespace."""
        await self._check(attributes)

    async def validate(self, attributes: Attributes) -> None:
        if attributes.operation == "DELETE":
            await self._check(attributes)

    async def _check(self, attributes: Attributes) -> None:
        if attributes.operation == "DELETE":
            if attributes.name in IMMORTAL:
                raise forbidden(attributes, "this namespace may not be deleted")
            return
        namespace = attributes.namespace
        if not self._following:
            self._following = True
            await self.api.follow(NAMESPACES, self._on_change)
        terminating = self._terminating.get(namespace)
        if terminating is None:
            # The cache may be a moment behind the store: a client may use what it has just made.
            if await self.api.store.get(prefix(NAMESPACES) + namespace) is None:
                raise NotFound.of(NAMESPACES, namespace)
        elif terminating:
            raise _being_terminated(attributes)

    def _on_change(self, old: Object | None, new: Object | None) -> None:
        if new is not None:
            metadata = new["metadata"]
            self._terminating[metadata["name"]] = bool(metadata.get("deletionTimestamp"))
        elif old is not None:
            self._terminating.pop(old["metadata"]["name"], None)


def _being_terminated(attributes: Attributes) -> Forbidden:
    namespace = attributes.namespace
    error = forbidden(
        attributes, f"unable to create new content in namespace {namespace} because it is being terminated"
    )
    error.details = {
        **(error.details or {}),
        "causes": [
            {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
        ],
    }
    return error
