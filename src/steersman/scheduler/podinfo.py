"""A pod as the scheduler sees it.

`Template` holds everything that two pods of one owner have in common and that decides where they may go;
pods with the same signature share one Template, and with it one filter and score pass. `PodInfo` adds what is
the pod's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from steersman.api import times
from steersman.scheduler import resources, terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.types import Object

__all__ = ["PodInfo", "Template", "Templates", "is_terminal"]

HostPort = tuple[str, str, int]
"""(host address, protocol, port); address "0.0.0.0" means every address."""


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """Compared and hashed by identity: `Templates` makes one a signature."""

    signature: bytes
    namespace: str
    labels: Mapping[str, str]
    owner: Object | None
    """The controlling owner reference, when there is one."""
    requests: dict[str, int]
    scoring: tuple[int, int]
    """(millicores, bytes) that count when nodes are compared."""
    host_ports: frozenset[HostPort]
    images: tuple[str, ...]
    tolerations: tuple[Object, ...]
    node_selector: Mapping[str, str]
    node_affinity: Object
    affinity: tuple[terms.AffinityTerm, ...]
    anti_affinity: tuple[terms.AffinityTerm, ...]
    preferred: tuple[tuple[int, terms.AffinityTerm], ...]
    """(weight, term) of preferred affinity; anti-affinity has a negative weight."""
    spread: tuple[terms.SpreadConstraint, ...]
    best_effort: bool
    """Asks for no resource at all."""


@dataclass(slots=True, eq=False)
class PodInfo:
    uid: str
    namespace: str
    name: str
    template: Template
    priority: int
    created: float
    """Seconds since the epoch."""
    started: float
    """Seconds since the epoch when it began to run; `created` until then."""
    preempts: bool
    """`spec.preemptionPolicy` is not Never."""
    terminating: bool
    node: str = ""
    """The node it is bound to or assumed on."""
    gates: tuple[str, ...] = ()
    nominated: str = ""
    """The node it waits for after preemption."""
    source: Object = field(default_factory=dict)
    """The object itself, read-only."""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


def is_terminal(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


class Templates:
    """Makes PodInfos, keeping one Template a signature; the least recently used are dropped."""

    LIMIT = 4096

    def __init__(self) -> None:
        self._known: dict[bytes, Template] = {}

    def pod(self, pod: Object) -> PodInfo:
        """Raises: ValueError when the pod's spec cannot be understood (the API server lets none such
        pass)."""
        meta, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
        created = times.parse_time(meta["creationTimestamp"]) if meta.get("creationTimestamp") else 0.0
        started = times.parse_time(status["startTime"]) if status.get("startTime") else created
        return PodInfo(
            uid=meta["uid"],
            namespace=meta["namespace"],
            name=meta["name"],
            template=self.template(pod),
            priority=spec.get("priority") or 0,
            created=created,
            started=started,
            preempts=spec.get("preemptionPolicy") != "Never",
            terminating="deletionTimestamp" in meta,
            node=spec.get("nodeName") or "",
            gates=tuple(gate["name"] for gate in spec.get("schedulingGates") or ()),
            nominated=status.get("nominatedNodeName") or "",
            source=pod,
        )

    def template(self, pod: Object) -> Template:
        signature = _signature(pod)
        known = self._known.pop(signature, None) or _parse(signature, pod)
        self._known[signature] = known
        if len(self._known) > self.LIMIT:
            del self._known[next(iter(self._known))]
        return known


def _signature(pod: Object) -> bytes:
    meta, spec = pod["metadata"], pod["spec"]
    get = spec.get
    owner = next((o for o in meta.get("ownerReferences") or () if o.get("controller")), None)
    parts = (
        meta["namespace"],
        meta.get("labels"),
        owner and owner["uid"],
        [_container_part(c) for c in spec.get("containers") or ()],
        [_container_part(c) for c in get("initContainers") or ()],
        get("resources"),
        get("overhead"),
        get("nodeSelector"),
        get("affinity"),
        get("tolerations"),
        get("topologySpreadConstraints"),
        get("hostNetwork"),
    )
    return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)


def _container_part(container: Object) -> tuple[Any, ...]:
    get = container.get
    requests = (get("resources") or {}).get("requests")
    return requests, get("ports"), get("image"), get("restartPolicy")


def _parse(signature: bytes, pod: Object) -> Template:
    meta, spec = pod["metadata"], pod["spec"]
    namespace, labels = meta["namespace"], meta.get("labels") or {}
    affinity = spec.get("affinity") or {}
    with_pods, without_pods = affinity.get("podAffinity") or {}, affinity.get("podAntiAffinity") or {}
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    requests = resources.pod_requests(spec)
    return Template(
        signature=signature,
        namespace=namespace,
        labels=labels,
        owner=next((o for o in meta.get("ownerReferences") or () if o.get("controller")), None),
        requests=requests,
        scoring=resources.scoring_requests(spec),
        host_ports=_host_ports(spec),
        images=tuple(c.get("image") or "" for c in spec.get("containers") or ()),
        tolerations=tuple(spec.get("tolerations") or ()),
        node_selector=spec.get("nodeSelector") or {},
        node_affinity=affinity.get("nodeAffinity") or {},
        affinity=terms.parse_affinity_terms(with_pods.get(required), namespace, labels),
        anti_affinity=terms.parse_affinity_terms(without_pods.get(required), namespace, labels),
        preferred=(
            *_preferred(with_pods, 1, namespace, labels),
            *_preferred(without_pods, -1, namespace, labels),
        ),
        spread=terms.parse_spread(spec.get("topologySpreadConstraints"), namespace, labels),
        best_effort=not any(requests.values()),
    )


def _preferred(
    affinity: Object, sign: int, namespace: str, labels: Mapping[str, str]
) -> tuple[tuple[int, terms.AffinityTerm], ...]:
    found = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    parsed = terms.parse_affinity_terms([p["podAffinityTerm"] for p in found], namespace, labels)
    return tuple((sign * p["weight"], term) for p, term in zip(found, parsed, strict=True))


def _host_ports(spec: Object) -> frozenset[HostPort]:
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    return frozenset(
        (port.get("hostIP") or "0.0.0.0", port.get("protocol") or "TCP", port["hostPort"])
        for container in (*(spec.get("containers") or ()), *sidecars)
        for port in container.get("ports") or ()
        if port.get("hostPort")
    )
