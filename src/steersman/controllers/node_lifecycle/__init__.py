"""Node lifecycle: see README.md."""

from steersman.controllers.node_lifecycle.controller import NodeLifecycleController, node_of

__all__ = ["NodeLifecycleController", "node_of"]
