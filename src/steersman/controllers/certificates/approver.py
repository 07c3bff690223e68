"""Approves the client certificates of nodes, for whoever RBAC lets ask for them.

A node that renews its own needs `create` on `certificatesigningrequests/selfnodeclient`, somebody who asks
for a new node (with a bootstrap token) on `certificatesigningrequests/nodeclient`. Source: k8s
pkg/controller/certificates/approver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import kinds
from steersman.controllers.certificates.requests import DECISIONS, certificate, conditions, read_request
from steersman.controllers.certificates.signers import CLIENT_KUBELET, refusal
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from steersman.api.types import Object

__all__ = ["CSRApprovingController"]

ASK_AGAIN = 30.0
"""Seconds until a request that RBAC does not let pass is looked at again: a binding may come."""


class CSRApprovingController(Controller):
    name = "certificatesigningrequest-approving-controller"
    workers = 1

    def setup(self) -> None:
        self.requests = self.informer(kinds.CERTIFICATE_SIGNING_REQUESTS)
        self.for_each(self.requests)

    async def reconcile(self, key: str) -> float | None:
        """Approve the request when it is for a node and its author may ask for it."""
        request = self.requests.get(key)
        if request is None or certificate(request) or not conditions(request).keys().isdisjoint(DECISIONS):
            return None
        rights = kinds_of_request(request)
        for subresource, message in rights:
            if await self._may(request["spec"], subresource):
                await self._approve(key, request, message)
                return None
        return ASK_AGAIN if rights else None

    async def _may(self, spec: Object, subresource: str) -> bool:
        attributes = {
            "group": "certificates.k8s.io",
            "resource": "certificatesigningrequests",
            "subresource": subresource,
            "verb": "create",
            "version": "*",
        }
        who = {name: spec[name] for name in ("uid", "groups", "extra") if spec.get(name)}
        review = {"spec": {"user": spec.get("username", ""), **who, "resourceAttributes": attributes}}
        answer = await self.client.create(kinds.SUBJECT_ACCESS_REVIEWS, review)
        return bool((answer.get("status") or {}).get("allowed"))

    async def _approve(self, key: str, request: Object, message: str) -> None:
        approved = {"type": "Approved", "status": "True", "reason": "AutoApproved", "message": message}
        status: Object = request.get("status") or {}
        status = {**status, "conditions": [*(status.get("conditions") or ()), approved]}
        answer = await self.client.update(
            kinds.CERTIFICATE_SIGNING_REQUESTS, request | {"status": status}, subresource="approval"
        )
        self.writes.wrote(key, self.requests, answer)


def kinds_of_request(request: Object) -> list[tuple[str, str]]:
    """The rights (sub-resource, message) of which one lets a request pass; none when it is not for a node."""
    spec: Object = request.get("spec") or {}
    if spec.get("signerName") != CLIENT_KUBELET:
        return []
    try:
        wanted = read_request(request)
    except ValueError:
        return []
    if refusal(CLIENT_KUBELET, wanted, spec.get("usages") or ()):
        return []
    found = []
    if spec.get("username") == wanted.common_name:
        found.append(("selfnodeclient", "A node renews its own client certificate, as access rules let it."))
    found.append(("nodeclient", "A client certificate for a node, for one whom access rules let ask."))
    return found
