"""Clients of the API: REST, transports, kubeconfig, informers, work queue, events, leader election."""

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
