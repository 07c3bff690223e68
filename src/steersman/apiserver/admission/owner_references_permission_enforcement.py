"""OwnerReferencesPermissionEnforcement: changing owners needs the right to delete, blocking them the right to
write their finalizers.

Not among the plug-ins that run by default, as upstream. `blocking` is pure. Source: "Admission Control in
Kubernetes".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.apiserver.admission.plugin import AdmissionPlugin, forbidden
from steersman.apiserver.authz import Attributes as Question
from steersman.apiserver.authz import Verdict
from steersman.apiserver.authz.chain import decide

if TYPE_CHECKING:
    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes, Operation


class OwnerReferencesPermissionEnforcement(AdmissionPlugin):
    name = "OwnerReferencesPermissionEnforcement"

    def handles(self, resource: Resource, subresource: str, operation: Operation) -> bool:
        return operation in ("CREATE", "UPDATE") and not subresource

    async def validate(self, attributes: Attributes) -> None:
        before, after = owners(attributes.old), owners(attributes.obj)
        if before == after:
            return
        resource = attributes.resource
        # A creation has no owners to steal; who may create may also delete by upstream's reading.
        if attributes.operation == "UPDATE" and not await self._may(
            attributes, "delete", resource, attributes.namespace, attributes.name
        ):
            raise forbidden(
                attributes, "cannot set an ownerRef on a resource you can't delete: permission denied"
            )
        for reference in blocking(before, after):
            await self._check_blocking(attributes, reference)

    async def _check_blocking(self, attributes: Attributes, reference: Object) -> None:
        owner = self._resource_of(reference)
        text = "cannot set blockOwnerDeletion"
        if owner is None:
            api_version, kind = reference.get("apiVersion"), reference.get("kind")
            raise forbidden(
                attributes, f"{text} in this case because cannot find RESTMapping for {api_version} {kind}"
            )
        namespace = attributes.namespace if owner.namespaced else ""
        name = str(reference.get("name") or "")
        if not await self._may(attributes, "update", owner, namespace, name, "finalizers"):
            raise forbidden(
                attributes, f"{text} if an ownerReference refers to a resource you can't set finalizers on"
            )

    def _resource_of(self, reference: Object) -> Resource | None:
        for resource in self.api.views.resources():
            if resource.api_version == reference.get("apiVersion") and resource.kind == reference.get("kind"):
                return resource
        return None

    async def _may(
        self,
        attributes: Attributes,
        verb: str,
        resource: Resource,
        namespace: str,
        name: str,
        subresource: str = "",
    ) -> bool:
        question = Question(
            user=attributes.user,
            verb=verb,
            is_resource=True,
            group=resource.group,
            version=resource.version,
            resource=resource.plural,
            subresource=subresource,
            namespace=namespace,
            name=name,
        )
        return (await decide(self.api, question)).verdict is Verdict.ALLOW


def owners(obj: Object | None) -> list[Object]:
    """The owner references of an object, by uid."""
    return sorted(meta.owner_references(obj or {}), key=lambda one: str(one.get("uid")))


def blocking(before: list[Object], after: list[Object]) -> list[Object]:
    """The references that newly keep their owner from going."""
    known = {one.get("uid") for one in before if one.get("blockOwnerDeletion")}
    return [one for one in after if one.get("blockOwnerDeletion") and one.get("uid") not in known]
