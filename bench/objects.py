"""The objects that measurements create."""

from __future__ import annotations

from typing import Any


def pod(name: str, i: int = 0) -> dict[str, Any]:
    """A pod as controllers make them: probe, resources, environment; about 3 kB once stored."""
    container = {
        "name": "c",
        "image": "registry.example/nginx:1.25",
        "ports": [{"containerPort": 80}],
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "readinessProbe": {"httpGet": {"path": "/", "port": 80}},
    }
    labels = {"app": f"app-{i % 50}", "tier": "web", "i": str(i)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels, "annotations": {"note": "x" * 64}},
        "spec": {"containers": [container], "tolerations": [{"key": "k", "operator": "Exists"}]},
    }


def config_map(name: str) -> dict[str, Any]:
    """A small object that nothing looks at."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"k": "v" * 200},
    }
