"""StatefulSet: see README.md."""

from steersman.controllers.statefulset.controller import StatefulSetController

__all__ = ["StatefulSetController"]
