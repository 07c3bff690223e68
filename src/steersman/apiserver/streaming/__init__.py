"""Streaming sub-resources: pods' log, exec, attach and port-forward, and the proxies of pods, services and
nodes.

    client ── SPDY ──────────────> API server ── the same bytes ──> kubelet ──> container runtime
    client ── WebSocket v4/v5 ───> API server ── as SPDY ─────────> kubelet
    client ── WebSocket tunnel ──> API server ── its SPDY bytes ──> kubelet     (port-forward)
    client ── HTTP ──────────────> API server ── HTTP ────────────> kubelet, pod or service endpoint

Back-pressure goes through in both directions; no side is read faster than the other takes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from steersman.apiserver.endpoint import Endpoint

if TYPE_CHECKING:
    from steersman.apiserver.endpoint import EndpointHandler
    from steersman.apiserver.handlers.target import Target
    from steersman.apiserver.http.values import Answer


def _on_first_use(module: str, name: str) -> EndpointHandler:
    """A handler whose module is loaded with its first request: the HTTP client behind it is slow to load."""

    async def handle(target: Target) -> Answer:
        handler: EndpointHandler = getattr(import_module(f"{__name__}.{module}"), name)
        return await handler(target)

    return handle


ENDPOINTS = (
    Endpoint("", "pods", "log", _on_first_use("logs", "pod_log")),
    Endpoint("", "pods", "exec", _on_first_use("sessions", "pod_exec")),
    Endpoint("", "pods", "attach", _on_first_use("sessions", "pod_attach")),
    Endpoint("", "pods", "portforward", _on_first_use("sessions", "pod_port_forward")),
    Endpoint("", "pods", "proxy", _on_first_use("proxy", "pod_proxy")),
    Endpoint("", "services", "proxy", _on_first_use("proxy", "service_proxy")),
    Endpoint("", "nodes", "proxy", _on_first_use("proxy", "node_proxy")),
)
