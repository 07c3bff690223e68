"""ReplicationController: the older form of ReplicaSet, with a plain map as its selector. Same planners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import kinds
from steersman.api.labels import NOTHING, selector_from_map
from steersman.controllers.replicaset import ReplicaSetController

if TYPE_CHECKING:
    from steersman.api.labels import Selector
    from steersman.api.types import Object

__all__ = ["ReplicationControllerController"]


class ReplicationControllerController(ReplicaSetController):
    name = "replicationcontroller-controller"
    source = "replication-controller"
    resource = kinds.REPLICATION_CONTROLLERS

    def selector(self, owner: Object) -> Selector:
        wanted = owner["spec"].get("selector")
        return selector_from_map(wanted) if wanted else NOTHING
