"""JSON merge patch (RFC 7386): objects merge member by member, null removes, everything else replaces."""

from __future__ import annotations

from typing import Any

from steersman.api.errors import BadRequest
from steersman.api.types import Object, copied


def apply(doc: Object, patch: Any) -> Object:
    """The document with the patch merged in. Raises BadRequest unless the patch is an object."""
    if not isinstance(patch, dict):
        raise BadRequest("a merge patch must be a JSON object")
    result = copied(doc)
    merge_into(result, patch)
    return result


def merge_into(target: Object, patch: Object) -> None:
    """Merge a patch into a document the caller owns; nothing of the patch is shared with the result."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            current = target.get(key)
            if not isinstance(current, dict):
                current = target[key] = {}
            merge_into(current, value)
        elif isinstance(value, list):
            target[key] = copied(value)
        else:
            target[key] = value
