"""Checks of Pods: on create, and what may change afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steersman.api.fields import FieldError
    from steersman.api.types import Object


def warnings(pod: Object) -> list[str]:
    """Return texts worth telling the client about a valid new pod."""
    return []


def validate_ephemeral_containers_update(pod: Object, old: Object) -> list[FieldError]:
    """Check a write to the ephemeralcontainers sub-resource."""
    return []


def validate_resize(pod: Object, old: Object, new_class: str) -> list[FieldError]:
    """Check a write to the resize sub-resource."""
    return []
