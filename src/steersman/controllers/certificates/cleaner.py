"""Removes signing requests that are of no more use. Source: k8s pkg/controller/certificates/cleaner.

Approved, denied and failed ones an hour after that was said, pending ones after a day, and any whose
certificate has expired.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from steersman.api import kinds, meta, times
from steersman.api.errors import NotFound
from steersman.controllers.certificates.requests import certificate, conditions
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from steersman.api.types import Object

__all__ = ["CSRCleanerController"]

DECIDED_SECONDS = 3600.0
PENDING_SECONDS = 86400.0
_ENDS = ("Approved", "Denied", "Failed")


class CSRCleanerController(Controller):
    name = "certificatesigningrequest-cleaner-controller"
    workers = 1

    def setup(self) -> None:
        self.requests = self.informer(kinds.CERTIFICATE_SIGNING_REQUESTS)
        self.for_each(self.requests)

    async def reconcile(self, key: str) -> float | None:
        """Delete the request when its time has come; else come back then."""
        request = self.requests.get(key)
        if request is None or meta.deleting(request):
            return None
        left = end_of(request) - self.clock.time()
        if left > 0:
            return left + 1.0
        try:
            await self.client.delete(
                kinds.CERTIFICATE_SIGNING_REQUESTS,
                key,
                uid=meta.uid(request),
                resource_version=request["metadata"]["resourceVersion"],
            )
        except NotFound:
            return None
        self.writes.deleted(key, self.requests, request)
        return None


def end_of(request: Object) -> float:
    """When a request is of no more use: wall time, seconds."""
    created = times.parse_time(request["metadata"]["creationTimestamp"])
    ends = [expiry(request)]
    found = conditions(request)
    for name in _ENDS:
        if name in found:
            said = found[name].get("lastUpdateTime") or found[name].get("lastTransitionTime")
            ends.append((times.parse_time(said) if said else created) + DECIDED_SECONDS)
    if not found:
        ends.append(created + PENDING_SECONDS)
    return min(ends)


def expiry(request: Object) -> float:
    """When the issued certificate ends; never, where there is none that can be read."""
    issued = certificate(request)
    if not issued:
        return float("inf")
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(base64.b64decode(issued)).not_valid_after_utc.timestamp()
    except (ValueError, binascii.Error):
        return float("inf")
