"""Where pods come from: the API server's pods of this node, and static pods from a directory.

A static pod is a manifest file; the API shows it as a mirror pod, which the kubelet creates, keeps equal to
the file and deletes with it.  Source: "Create static Pods" in the Kubernetes documentation.
"""

from __future__ import annotations

import hashlib
import logging
import os
from typing import TYPE_CHECKING, Any

import orjson

from steersman.api import defaults
from steersman.api.errors import AlreadyExists, ApiError, NotFound
from steersman.api.kinds import PODS
from steersman.api.times import rfc3339
from steersman.client.transport import ConnectionFailed
from steersman.kubelet.pods import spec
from steersman.kubelet.pods.spec import CONFIG_HASH, CONFIG_MIRROR, CONFIG_SEEN, CONFIG_SOURCE

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client.informer import Informer
    from steersman.client.rest import Client
    from steersman.kubelet.pods.workers import Workers
    from steersman.kubelet.status.writer import StatusWriter
    from steersman.runtime.clock import Clock

log = logging.getLogger("steersman.kubelet.pods")

SCAN_SECONDS = 5.0


class Sources:
    """Feeds the workers."""

    def __init__(
        self,
        informer: Informer,
        client: Client,
        status: StatusWriter,
        clock: Clock,
        node: str,
        directory: str = "",
    ) -> None:
        """`directory`: of static pod manifests; "" for none."""
        self._informer = informer
        self._client = client
        self._status = status
        self._clock = clock
        self._node = node
        self._directory = directory
        self._static: dict[str, Object] = {}
        self._read: dict[str, tuple[int, Object]] = {}
        self.scanned = not directory

    def start(self, workers: Workers) -> None:
        """Hand every pod of the API, now and later, to the workers."""
        self._workers = workers
        self._informer.add_handler(self._changed)

    def wanted(self) -> set[str]:
        """Uids of all pods that this node should have."""
        return {pod["metadata"]["uid"] for pod in self._informer.list() if not spec.is_mirror(pod)} | set(
            self._static
        )

    @property
    def complete(self) -> bool:
        """Every source has been read once, so what is not wanted is an orphan."""
        return self._informer.synced and self.scanned

    def mirror_of(self, pod: Object) -> Object | None:
        """The API object of a pod: itself, or a static pod's mirror (None while there is none)."""
        if not spec.is_static(pod):
            return pod
        meta = pod["metadata"]
        found = self._informer.get(meta["name"], meta["namespace"])
        return found if found is not None and spec.is_mirror(found) else None

    def _changed(self, old: Object | None, new: Object | None) -> None:
        if old is not None and (new is None or new["metadata"]["uid"] != old["metadata"]["uid"]):
            self._workers.remove(old["metadata"]["uid"])
        if new is None:
            return
        if spec.is_mirror(new):
            self._workers.wake(new["metadata"]["annotations"][CONFIG_MIRROR])
            return
        self._status.observe(new)
        self._workers.apply(new)

    async def run(self) -> None:
        """Follow the directory of static pods; until cancelled."""
        while True:
            if self._directory:
                self._scan()
                await self._mirror()
            await self._clock.sleep(SCAN_SECONDS)

    def _scan(self) -> None:
        found = {}
        for name in sorted(os.listdir(self._directory)) if os.path.isdir(self._directory) else []:
            if name.startswith(".") or not name.endswith((".yaml", ".yml", ".json")):
                continue
            pod = self._load(os.path.join(self._directory, name))
            if pod is not None:
                found[pod["metadata"]["uid"]] = pod
        for uid in self._static.keys() - found.keys():
            self._workers.remove(uid)
        for uid in found.keys() - self._static.keys():
            self._workers.apply(found[uid])
        self._static = found
        self.scanned = True

    def _load(self, path: str) -> Object | None:
        """The pod of one manifest, read again only when the file has changed; None when it is not a pod."""
        try:
            stamp = os.stat(path).st_mtime_ns
            known = self._read.get(path)
            if known is not None and known[0] == stamp:
                return known[1]
            with open(path, encoding="utf-8") as file:
                pod = static_pod(file.read(), path, self._node, rfc3339(self._clock.time()))
        except (OSError, ValueError) as error:
            log.warning("static pod manifest %s: %s", path, error)
            return None
        self._read[path] = (stamp, pod)
        return pod

    async def _mirror(self) -> None:
        """Make the mirror pods equal to the static pods."""
        for pod in self._informer.list():
            if spec.is_mirror(pod) and (
                pod["metadata"]["annotations"][CONFIG_MIRROR] not in self._static
                or "deletionTimestamp" in pod["metadata"]  # the pod stays, and gets a new mirror
            ):
                await self._delete_mirror(pod)
        for pod in self._static.values():
            if self.mirror_of(pod) is None:
                await self._create_mirror(pod)

    async def _delete_mirror(self, pod: Object) -> None:
        meta = pod["metadata"]
        try:
            await self._client.delete(
                PODS, meta["name"], meta["namespace"], grace_period_seconds=0, uid=meta["uid"]
            )
        except NotFound:
            return
        except (ApiError, ConnectionFailed) as error:
            log.info("deleting mirror pod %s: %s", meta["name"], error)

    async def _create_mirror(self, pod: Object) -> None:
        meta = pod["metadata"]
        annotations = {**meta["annotations"], CONFIG_MIRROR: meta["uid"]}
        kept: dict[str, Any] = {key: meta[key] for key in ("name", "namespace", "labels") if key in meta}
        mirror = {**pod, "metadata": {**kept, "annotations": annotations}}
        mirror.pop("status", None)
        try:
            await self._client.create(PODS, mirror, meta["namespace"])
        except AlreadyExists:
            return
        except (ApiError, ConnectionFailed) as error:
            log.info("creating mirror pod %s: %s", meta["name"], error)


def static_pod(text: str, path: str, node: str, now: str) -> Object:
    """The pod of a manifest, bound to this node, with a uid made from its content.

    Raises: ValueError when the text is not one Pod.
    """
    import yaml

    try:
        pod = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    if not isinstance(pod, dict) or pod.get("kind") != "Pod" or not (pod.get("metadata") or {}).get("name"):
        raise ValueError("is not a Pod with a name")
    digest = hashlib.sha256(orjson.dumps([pod, path, node], option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
    meta = pod["metadata"]
    meta["name"] = f"{meta['name']}-{node}"
    meta.setdefault("namespace", "default")
    meta["uid"] = digest
    meta["annotations"] = {
        **(meta.get("annotations") or {}),
        CONFIG_HASH: digest,
        CONFIG_SEEN: now,
        CONFIG_SOURCE: "file",
    }
    defaults.default(PODS, pod)
    pod["spec"]["nodeName"] = node
    tolerations = pod["spec"].setdefault("tolerations", [])
    tolerations.append({"operator": "Exists", "effect": "NoExecute"})
    return dict(pod)
