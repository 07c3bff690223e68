"""Signs approved requests of the built-in signers. Source: k8s pkg/controller/certificates/signer."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from steersman.api import kinds
from steersman.controllers.certificates.requests import certificate, conditions, read_request
from steersman.controllers.certificates.signers import SIGNERS, refusal
from steersman.controllers.runtime import Controller, Terminal

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.controllers.certificates.requests import Wanted
    from steersman.controllers.certificates.signing import Authority

__all__ = ["CSRSigningController"]


class CSRSigningController(Controller):
    name = "certificatesigningrequest-signing-controller"
    workers = 1

    def setup(self) -> None:
        self.requests = self.informer(kinds.CERTIFICATE_SIGNING_REQUESTS)
        self._authority: Authority | None = None
        if self.config.signing_cert_file and self.config.signing_key_file:
            self.for_each(self.requests)

    async def reconcile(self, key: str) -> float | None:
        """Sign the request, or say why it cannot be."""
        request = self.requests.get(key)
        if request is None or certificate(request):
            return None
        found = conditions(request)
        if "Approved" not in found or "Denied" in found or "Failed" in found:
            return None
        signer, usages = request["spec"].get("signerName", ""), request["spec"].get("usages") or []
        if signer not in SIGNERS:
            return None
        try:
            wanted = read_request(request)
            problem = refusal(signer, wanted, usages)
        except ValueError as error:
            problem = str(error)
        if problem:
            await self._fail(key, request, problem)
            return None
        try:
            made = self._sign(request["spec"], wanted)
        except (OSError, ValueError) as error:
            raise Terminal(f"the cluster's CA cannot sign: {error}") from error
        status = {**(request.get("status") or {}), "certificate": base64.b64encode(made).decode()}
        await self._write(key, request | {"status": status})
        return None

    def _sign(self, spec: Object, wanted: Wanted) -> bytes:
        if self._authority is None:
            from steersman.controllers.certificates.signing import Authority

            self._authority = Authority(self.config.signing_cert_file, self.config.signing_key_file)
        asked, most = spec.get("expirationSeconds"), self.config.signing_seconds
        return self._authority.sign(wanted, spec.get("usages") or (), self.clock.time(), asked, most)

    async def _fail(self, key: str, request: Object, why: str) -> None:
        failed = {"type": "Failed", "status": "True", "reason": "SignerValidationFailure", "message": why}
        status: Object = request.get("status") or {}
        status = {**status, "conditions": [*(status.get("conditions") or ()), failed]}
        await self._write(key, request | {"status": status})

    async def _write(self, key: str, request: Object) -> None:
        answer = await self.client.update(kinds.CERTIFICATE_SIGNING_REQUESTS, request, subresource="status")
        self.writes.wrote(key, self.requests, answer)
