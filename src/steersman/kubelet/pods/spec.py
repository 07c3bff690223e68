"""Small readers of Pod objects that several planners share."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.api.types import Object

CONFIG_SOURCE = "kubernetes.io/config.source"
CONFIG_HASH = "kubernetes.io/config.hash"
CONFIG_MIRROR = "kubernetes.io/config.mirror"
CONFIG_SEEN = "kubernetes.io/config.seen"
SYSTEM_CRITICAL = 2_000_000_000


def full_name(pod: Object) -> str:
    """`name_namespace(uid)`, as messages name a pod."""
    meta = pod["metadata"]
    return f"{meta['name']}_{meta['namespace']}({meta['uid']})"


def is_static(pod: Object) -> bool:
    """True for a pod read from a file on this node."""
    source = (pod["metadata"].get("annotations") or {}).get(CONFIG_SOURCE, "api")
    return bool(source != "api")


def is_mirror(pod: Object) -> bool:
    """True for the API object that only shows a static pod."""
    return CONFIG_MIRROR in (pod["metadata"].get("annotations") or {})


def is_critical(pod: Object) -> bool:
    """Static and system-critical pods are never evicted."""
    return is_static(pod) or int(pod["spec"].get("priority") or 0) >= SYSTEM_CRITICAL


def containers(pod: Object) -> list[Object]:
    return list(pod["spec"].get("containers") or ())


def init_containers(pod: Object) -> list[Object]:
    return list(pod["spec"].get("initContainers") or ())


def ephemeral_containers(pod: Object) -> list[Object]:
    return list(pod["spec"].get("ephemeralContainers") or ())


def all_containers(pod: Object) -> Iterator[Object]:
    """Init containers, containers, ephemeral containers, in that order."""
    yield from init_containers(pod)
    yield from containers(pod)
    yield from ephemeral_containers(pod)


def find_container(pod: Object, name: str) -> Object | None:
    return next((c for c in all_containers(pod) if c["name"] == name), None)


def is_sidecar(init: Object) -> bool:
    """A restartable init container: it keeps running beside the containers."""
    return init.get("restartPolicy") == "Always"


def long_running(pod: Object) -> list[Object]:
    """The containers that decide readiness: sidecars, then containers."""
    return [c for c in init_containers(pod) if is_sidecar(c)] + containers(pod)


def restart_policy(pod: Object) -> str:
    return str(pod["spec"].get("restartPolicy") or "Always")


def grace_period(pod: Object) -> int:
    """Seconds the pod's containers get to stop: the deletion's own period, else the spec's."""
    given = pod["metadata"].get("deletionGracePeriodSeconds")
    if given is None:
        given = pod["spec"].get("terminationGracePeriodSeconds")
    return 30 if given is None else max(int(given), 0)


def container_hash(container: Object) -> str:
    """Changes exactly when the running container no longer is what the spec asks for (its image)."""
    facts = orjson.dumps([container["name"], container.get("image") or ""])
    return hashlib.sha256(facts).hexdigest()[:16]
