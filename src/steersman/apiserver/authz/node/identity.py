"""Which node a user is. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steersman.apiserver.authn import User

NODES_GROUP = "system:nodes"
NODE_PREFIX = "system:node:"


def node_of(user: User) -> str | None:
    """The node a user is; "" for a member of system:nodes that names none, None for everybody else."""
    if NODES_GROUP not in user.groups:
        return None
    return user.name.removeprefix(NODE_PREFIX) if user.name.startswith(NODE_PREFIX) else ""
