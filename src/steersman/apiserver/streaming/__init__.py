"""Streaming sub-resources: pods' log, exec, attach and port-forward, and the proxies of pods, services and
nodes.

    client ── SPDY ──────────────> API server ── the same bytes ──> kubelet ──> container runtime
    client ── WebSocket v4/v5 ───> API server ── as SPDY ─────────> kubelet
    client ── WebSocket tunnel ──> API server ── its SPDY bytes ──> kubelet     (port-forward)
    client ── HTTP ──────────────> API server ── HTTP ────────────> kubelet, pod or service endpoint

Back-pressure goes through in both directions; no side is read faster than the other takes.
"""

from __future__ import annotations

from steersman.apiserver.endpoint import Endpoint
from steersman.apiserver.streaming.logs import pod_log
from steersman.apiserver.streaming.proxy import node_proxy, pod_proxy, service_proxy
from steersman.apiserver.streaming.sessions import pod_attach, pod_exec, pod_port_forward

ENDPOINTS = (
    Endpoint("", "pods", "log", pod_log),
    Endpoint("", "pods", "exec", pod_exec),
    Endpoint("", "pods", "attach", pod_attach),
    Endpoint("", "pods", "portforward", pod_port_forward),
    Endpoint("", "pods", "proxy", pod_proxy),
    Endpoint("", "services", "proxy", service_proxy),
    Endpoint("", "nodes", "proxy", node_proxy),
)
