"""What lists and watches refuse of their query: combinations of resourceVersion, resourceVersionMatch,
continue and sendInitialEvents that mean nothing. Pure.

Source: Kubernetes API concepts, "Resource versions"; the texts clients know are those of the validation of
ListOptions in k8s.io/apimachinery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.errors import Invalid
from steersman.api.fields import FieldError, forbidden, not_supported
from steersman.apiserver.generic.options import Named

if TYPE_CHECKING:
    from steersman.apiserver.http.values import Query

MATCH = "resourceVersionMatch"
EXACT, NOT_OLDER = "Exact", "NotOlderThan"


def check(query: Query, *, watch: bool) -> None:
    """Raise Invalid, with a cause a field, for a query that contradicts itself."""
    match, initial = query.get(MATCH), query.get("sendInitialEvents")
    if not match and not initial:
        return
    errors = _of_watch(query, match, initial) if watch else _of_list(query, match, initial)
    if errors:
        raise Invalid.of(Named("ListOptions"), "", errors)


def _of_list(query: Query, match: str, initial: str) -> list[FieldError]:
    errors = []
    if match:
        version = query.get("resourceVersion")
        if not version:
            errors.append(forbidden(MATCH, f"{MATCH} is forbidden unless resourceVersion is provided"))
        if query.get("continue"):
            errors.append(_with_continue())
        if match not in (EXACT, NOT_OLDER):
            errors.append(not_supported(MATCH, match, (EXACT, NOT_OLDER, "")))
        if match == EXACT and version == "0":
            text = f'{MATCH} "exact" is forbidden for resourceVersion "0"'
            errors.append(forbidden(MATCH, text))
    if initial:
        errors.append(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return errors


def _of_watch(query: Query, match: str, initial: str) -> list[FieldError]:
    errors = []
    if initial and match != NOT_OLDER:
        text = f"sendInitialEvents requires setting {MATCH} to {NOT_OLDER}"
        errors.append(forbidden(MATCH, text))
    if match:
        if not initial:
            text = f"{MATCH} is forbidden for watch unless sendInitialEvents is provided"
            errors.append(forbidden(MATCH, text))
        if match != NOT_OLDER:
            errors.append(not_supported(MATCH, match, (NOT_OLDER,)))
        if query.get("continue"):
            errors.append(_with_continue())
    return errors


def _with_continue() -> FieldError:
    return forbidden(MATCH, f"{MATCH} is forbidden when continue is provided")
