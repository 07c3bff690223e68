"""Nodes and pods for tests, and a cluster made of them."""

from __future__ import annotations

import itertools
from typing import Any

from steersman.scheduler.cluster import Cluster
from steersman.scheduler.passes import Evaluator, Found, Turned
from steersman.scheduler.plugins import PLUGINS
from steersman.scheduler.podinfo import PodInfo, Templates

Object = dict[str, Any]
_serial = itertools.count(1)


def node(
    name: str,
    *,
    taints: list[Object] | None = None,
    cordoned: bool = False,
    cpu: str = "4",
    memory: str = "8Gi",
    pods: str = "110",
    labels: dict[str, str] | None = None,
    **more: str,
) -> Object:
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": {"taints": taints or [], **({"unschedulable": True} if cordoned else {})},
        "status": {"allocatable": {"cpu": cpu, "memory": memory, "pods": pods, **more}},
    }


def taint(key: str, value: str = "", effect: str = "NoSchedule") -> Object:
    return {"key": key, "value": value, "effect": effect}


def pod(
    name: str = "",
    *,
    node: str = "",
    labels: dict[str, str] | None = None,
    requests: Object | None = None,
    ports: list[Object] | None = None,
    namespace: str = "ns",
    image: str = "i",
    **spec: Any,
) -> Object:
    name = name or f"p{next(_serial)}"
    container = {
        "name": "c",
        "image": image,
        "ports": ports or [],
        "resources": {"requests": requests or {}},
    }
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "labels": labels or {}},
        "spec": {"containers": [container], **({"nodeName": node} if node else {}), **spec},
    }


def spread(key: str, skew: int = 1, app: str = "web", when: str = "DoNotSchedule", **more: Any) -> Object:
    selector = {"matchLabels": {"app": app}}
    return {"topologyKey": key, "maxSkew": skew, "whenUnsatisfiable": when, "labelSelector": selector, **more}


def term(app: str, key: str = "zone", **more: Any) -> Object:
    return {"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}, **more}


def required(*terms: Object) -> Object:
    return {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}


def preferred(weight: int, one: Object) -> Object:
    return {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": weight, "podAffinityTerm": one}]}


class World:
    """A cluster with an evaluator that takes the first of equally good nodes."""

    def __init__(self, *objects: Object) -> None:
        self.cluster = Cluster()
        self.templates = Templates()
        self.evaluator = Evaluator(self.cluster, PLUGINS, lambda count: 0)
        self.cluster.set_namespace("ns", {"team": "a"})
        self.cluster.set_namespace("other", {"team": "b"})
        for obj in objects:
            self.add(obj)

    def add(self, obj: Object) -> None:
        if "allocatable" in obj.get("status", {}):
            self.cluster.set_node(obj)
        else:
            self.cluster.add_pod(self.info(obj))

    def info(self, obj: Object) -> PodInfo:
        return self.templates.pod(obj)

    def find(self, obj: Object) -> Found | Turned:
        return self.evaluator.find(self.info(obj).template)

    def place(self, obj: Object) -> str:
        """Find a node and put the pod there; empty when there is none."""
        info = self.info(obj)
        found = self.evaluator.find(info.template)
        if isinstance(found, Turned):
            return ""
        info.node = found.node
        self.cluster.add_pod(info)
        return found.node
