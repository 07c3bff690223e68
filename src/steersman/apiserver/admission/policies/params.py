"""The parameters of a binding: objects of the policy's paramKind, by name or by selector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.api.errors import NotFound
from steersman.api.labels import selector_from_label_selector

if TYPE_CHECKING:
    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes
    from steersman.apiserver.admission.policies.policy import Binding, Policy
    from steersman.apiserver.api import API


class ParamsError(Exception):
    """The parameters cannot be had; the failure policy judges."""


async def params_of(
    api: API, policy: Policy, binding: Binding, attributes: Attributes
) -> list[Object | None]:
    """Return the parameters to evaluate a policy with, each for itself; [None] where it takes none.

    Empty when none is found and that is allowed. Raises: ParamsError.
    """
    reference = binding.param_ref
    if policy.param_kind is None or reference is None:
        return [None]
    resource = _resource(api, *policy.param_kind)
    namespace = _namespace(resource, reference, attributes)
    found = await _find(api, resource, reference, namespace)
    if not found and reference.get("parameterNotFoundAction") != "Allow":
        text = "no params found for policy binding with `Deny` parameterNotFoundAction"
        raise ParamsError(f"failed to configure binding: {text}")
    return list(found)


def _resource(api: API, api_version: str, kind: str) -> Resource:
    for resource in api.views.resources():
        if resource.api_version == api_version and resource.kind == kind:
            return resource
    raise ParamsError(f"failed to find resource referenced by paramKind: '{api_version}, Kind={kind}'")


def _namespace(resource: Resource, reference: Object, attributes: Attributes) -> str:
    given = str(reference.get("namespace") or "")
    if not resource.namespaced:
        if given:
            raise ParamsError(
                "failed to configure binding: paramRef.namespace must not be provided for a cluster-scoped "
                "paramKind"
            )
        return ""
    namespace = given or attributes.namespace
    if not namespace:
        raise ParamsError(
            "failed to configure binding: cannot use namespaced paramRef in policy binding that matches "
            "cluster-scoped resources"
        )
    return namespace


async def _find(api: API, resource: Resource, reference: Object, namespace: str) -> list[Object]:
    if reference.get("name"):
        try:
            return [await api.look(resource, str(reference["name"]), namespace)]
        except NotFound:
            return []
    selector = selector_from_label_selector(reference.get("selector"))
    objects = await api.look_all(resource, namespace)
    return sorted((one for one in objects if selector.matches(meta.labels(one))), key=meta.name)
