"""Certificate signing requests: who asks is what the server saw, and only `approval` approves.

Source: k8s pkg/registry/certificates/certificates/strategy.go and the documented CSR rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.defaults.podspec import part
from steersman.api.times import rfc3339
from steersman.apiserver.registry.strategy import Context, StatusStrategy, Strategy, keep

if TYPE_CHECKING:
    from steersman.api.types import Object

_DECISIONS = ("Approved", "Denied")


class SigningRequestStrategy(Strategy):
    """CSRs: the spec never changes after create."""

    extra_fields = ("spec.signerName",)

    def make_subresources(self) -> dict[str, Strategy]:
        return {"status": _StatusStrategy(self), "approval": _ApprovalStrategy(self)}

    def prepare_new(self, ctx: Context, obj: Object) -> None:
        spec = part(obj, "spec")
        for name in ("username", "uid", "groups", "extra"):
            spec.pop(name, None)
        spec["username"] = ctx.user
        if ctx.groups:
            spec["groups"] = list(ctx.groups)

    def prepare_changed(self, ctx: Context, obj: Object, old: Object) -> None:
        keep(obj, old, "spec")

    def add_fields(self, fields: dict[str, str], obj: Object) -> None:
        fields["spec.signerName"] = (obj.get("spec") or {}).get("signerName") or ""


class _StatusStrategy(StatusStrategy):
    """Signers add certificates and failures; decisions stay."""

    def prepare_changed(self, ctx: Context, obj: Object, old: Object) -> None:
        status = part(obj, "status")
        found = [c for c in status.get("conditions") or () if c.get("type") not in _DECISIONS]
        decided = [c for c in _conditions(old) if c.get("type") in _DECISIONS]
        _set_conditions(status, decided + found, old, ctx.now)


class _ApprovalStrategy(StatusStrategy):
    """Approvers change conditions; the certificate stays."""

    def prepare_changed(self, ctx: Context, obj: Object, old: Object) -> None:
        status = part(obj, "status")
        keep(status, old.get("status") or {}, "certificate")
        _set_conditions(status, status.get("conditions") or [], old, ctx.now)


def _conditions(obj: Object) -> list[Object]:
    return (obj.get("status") or {}).get("conditions") or []


def _set_conditions(status: Object, conditions: list[Object], old: Object, now: float) -> None:
    before = {c.get("type"): c for c in _conditions(old)}
    for condition in conditions:
        known = before.get(condition.get("type")) or {}
        changed = known.get("status") != condition.get("status")
        if not condition.get("lastUpdateTime"):
            condition["lastUpdateTime"] = rfc3339(now)
        if not condition.get("lastTransitionTime"):
            condition["lastTransitionTime"] = (
                rfc3339(now) if changed else known.get("lastTransitionTime", rfc3339(now))
            )
    if conditions:
        status["conditions"] = conditions
    else:
        status.pop("conditions", None)
