"""Clients of the API: REST, transports, kubeconfig, informers, work queue, events, leader election.

Names are imported when they are first used: whoever needs a work queue should not pay for an HTTP client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steersman.client.events import EventRecorder, Recorder
    from steersman.client.informer import Informer, Informers
    from steersman.client.rest import (
        APPLY_PATCH,
        JSON_PATCH,
        MERGE_PATCH,
        STRATEGIC_PATCH,
        Client,
        Response,
        WatchEvent,
    )
    from steersman.client.transport import ConnectionFailed, HTTPTransport, RawResponse, Transport
    from steersman.client.workqueue import QueueShutDown, WorkQueue

__all__ = [
    "APPLY_PATCH",
    "JSON_PATCH",
    "MERGE_PATCH",
    "STRATEGIC_PATCH",
    "Client",
    "ConnectionFailed",
    "EventRecorder",
    "HTTPTransport",
    "Informer",
    "Informers",
    "QueueShutDown",
    "RawResponse",
    "Recorder",
    "Response",
    "Transport",
    "WatchEvent",
    "WorkQueue",
]

_HOMES = {
    "APPLY_PATCH": "rest",
    "JSON_PATCH": "rest",
    "MERGE_PATCH": "rest",
    "STRATEGIC_PATCH": "rest",
    "Client": "rest",
    "ConnectionFailed": "transport",
    "EventRecorder": "events",
    "HTTPTransport": "transport",
    "Informer": "informer",
    "Informers": "informer",
    "QueueShutDown": "workqueue",
    "RawResponse": "transport",
    "Recorder": "events",
    "Response": "rest",
    "Transport": "transport",
    "WatchEvent": "rest",
    "WorkQueue": "workqueue",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
