"""Deployment: see README.md."""

from steersman.controllers.deployment.controller import DeploymentController

__all__ = ["DeploymentController"]
