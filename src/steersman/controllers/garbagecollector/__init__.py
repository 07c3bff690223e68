"""The garbage collector: see README.md."""

from steersman.controllers.garbagecollector.controller import GarbageCollector

__all__ = ["GarbageCollector"]
