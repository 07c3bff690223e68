"""Services and EndpointSlices for tests."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def service(name: str = "web", **spec: Any) -> Object:
    ports = spec.pop("ports", [{"name": "http", "port": 80, "protocol": "TCP"}])
    status = spec.pop("status", {})
    return {
        "metadata": {"name": name, "namespace": "ns"},
        "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.20", "ports": ports, **spec},
        "status": status,
    }


def endpoint(address: str, node: str = "other", **conditions: bool) -> Object:
    return {"addresses": [address], "nodeName": node, "conditions": conditions}


def slice_of(*endpoints: Object, name: str = "web", port: int = 8080, port_name: str = "http") -> Object:
    return {
        "metadata": {"name": f"{name}-1", "namespace": "ns", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": port_name, "port": port, "protocol": "TCP"}],
        "endpoints": list(endpoints),
    }
