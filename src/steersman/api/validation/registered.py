"""The table of validation rules, one row per kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import kinds, names
from steersman.api.validation import pod
from steersman.api.validation.rules import Rules

if TYPE_CHECKING:
    from steersman.api.kinds import Resource

RULES: dict[Resource, Rules] = {
    kinds.PODS: Rules(
        create=pod.validate_pod,
        update=pod.validate_pod_update,
        status=pod.validate_pod_status,
        update_alone=True,
    ),
    **dict.fromkeys(
        (kinds.ROLES, kinds.CLUSTER_ROLES, kinds.ROLE_BINDINGS, kinds.CLUSTER_ROLE_BINDINGS),
        Rules(name=names.is_path_segment),
    ),
}
