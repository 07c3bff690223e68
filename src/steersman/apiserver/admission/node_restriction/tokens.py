"""Which service-account tokens a node gets: bound to one of its pods, for audiences that pod asks for.

A pod asks for audiences in its projected volumes, and through the CSI drivers of its volumes. For others the
authorizers are asked: may the node `request-serviceaccounts-token-audience` that audience. Source:
NodeRestriction as documented, with the restriction of audiences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.api.errors import NotFound
from steersman.api.kinds import CSI_DRIVERS, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS
from steersman.apiserver.admission.node_restriction.pods import on_node
from steersman.apiserver.authz import Attributes as Question
from steersman.apiserver.authz import Verdict
from steersman.apiserver.authz.chain import decide

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes
    from steersman.apiserver.api import API

AUDIENCE_VERB = "request-serviceaccounts-token-audience"


async def token_refusal(api: API, attributes: Attributes, node: str) -> str:
    """Why a node does not get a token; empty when it does."""
    spec: Object = (attributes.obj or {}).get("spec") or {}
    reference: Object = spec.get("boundObjectRef") or {}
    if (reference.get("apiVersion"), reference.get("kind")) != ("v1", "Pod") or not reference.get("name"):
        return "node requested token not bound to a pod"
    if not reference.get("uid"):
        return "node requested token with a pod binding without a uid"
    pod = await _look(api, PODS, str(reference["name"]), attributes.namespace)
    if pod is None or meta.uid(pod) != reference["uid"]:
        return f'node requested token bound to a pod that is not there: "{reference["name"]}"'
    if on_node(pod) != node:
        return "node requested token bound to a pod scheduled on a different node"
    wanted = {str(audience) for audience in spec.get("audiences") or ()} - {api.config.service_account_issuer}
    if not wanted:
        return ""
    for audience in sorted(wanted - await _asked_for(api, pod)):
        if not await _allowed(api, attributes, audience):
            return f"audience {audience!r} not found in pod spec volume"
    return ""


async def _asked_for(api: API, pod: Object) -> set[str]:
    """The audiences of a pod's own volumes."""
    found: set[str] = set()
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            found.add((source.get("serviceAccountToken") or {}).get("audience") or "")
    async for name in _drivers(api, pod):
        driver = await _look(api, CSI_DRIVERS, name) or {}
        for request in (driver.get("spec") or {}).get("tokenRequests") or ():
            found.add(request.get("audience") or "")
    return found


async def _drivers(api: API, pod: Object) -> AsyncIterator[str]:
    namespace = meta.namespace(pod)
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        if "csi" in volume:
            yield str(volume["csi"].get("driver", ""))
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if "ephemeral" in volume:
            claim = f"{meta.name(pod)}-{volume.get('name', '')}"
        if not claim:
            continue
        found = await _look(api, PERSISTENT_VOLUME_CLAIMS, claim, namespace) or {}
        bound = (found.get("spec") or {}).get("volumeName")
        persistent = await _look(api, PERSISTENT_VOLUMES, bound) if bound else None
        source = ((persistent or {}).get("spec") or {}).get("csi") or {}
        if source:
            yield str(source.get("driver", ""))


async def _allowed(api: API, attributes: Attributes, audience: str) -> bool:
    question = Question(
        user=attributes.user,
        verb=AUDIENCE_VERB,
        is_resource=True,
        resource=audience,
        version="*",
        namespace=attributes.namespace,
        name=attributes.name,
    )
    return (await decide(api, question)).verdict is Verdict.ALLOW


async def _look(api: API, resource: Resource, name: str, namespace: str = "") -> Object | None:
    try:
        return await api.look(resource, name, namespace)
    except NotFound:
        return None
