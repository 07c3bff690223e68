"""Job: see README.md."""

from steersman.controllers.job.controller import JobController

__all__ = ["JobController"]
