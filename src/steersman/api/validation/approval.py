"""Groups below k8s.io and kubernetes.io are the community's: their definitions say who approved them.

Source: KEP-2337 (API group protection), "k8s.io group protection".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steersman.api.types import Object

ANNOTATION = "api-approved.kubernetes.io"
_SEE = "see https://github.com/kubernetes/enhancements/pull/1111"


def protected(group: str) -> bool:
    """Say whether a group belongs to the Kubernetes community."""
    return group in ("k8s.io", "kubernetes.io") or group.endswith((".k8s.io", ".kubernetes.io"))


def approval(definition: Object) -> tuple[str, str]:
    """Return `approved`, `unapproved`, `missing` or `invalid`, and the text that explains it."""
    value = (definition["metadata"].get("annotations") or {}).get(ANNOTATION) or ""
    if not value:
        return "missing", f'protected groups must have approval annotation "{ANNOTATION}", {_SEE}'
    if value.startswith("unapproved"):
        return "unapproved", f'not approved: "{value}"'
    if value.startswith(("http://", "https://")) and "." in value.partition("//")[2]:
        return "approved", f"approved in {value}"
    text = f'protected groups must have approval annotation "{ANNOTATION}" with either a URL or a reason'
    return "invalid", f'{text} starting with "unapproved", {_SEE}'
