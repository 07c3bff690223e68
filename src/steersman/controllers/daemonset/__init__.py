"""DaemonSet: see README.md."""

from steersman.controllers.daemonset.controller import DaemonSetController

__all__ = ["DaemonSetController"]
