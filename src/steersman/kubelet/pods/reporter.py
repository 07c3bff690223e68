"""From what a worker sees to the status that the API shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.kubelet import metrics
from steersman.kubelet.status.conditions import OWNED
from steersman.kubelet.status.pod import pod_status

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.kubelet.cri.observed import PodRuntime
    from steersman.kubelet.pods.kit import Kit
    from steersman.kubelet.status.facts import Facts


class Reporter:
    """Makes and hands over statuses."""

    def __init__(self, kit: Kit, *, new: bool) -> None:
        """`new`: the pod has not run before, so the time until it does is measured."""
        self._kit = kit
        self._began = kit.clock.time() if new else None

    def publish(self, pod: Object, runtime: PodRuntime, facts: Facts) -> None:
        """Hand the pod's status of now to the writer."""
        now = self._kit.clock.time()
        status = pod_status(self.shown(pod), runtime, facts, now)
        if self._began is not None and status["phase"] == "Running":
            metrics.POD_START.observe(now - self._began)
            self._began = None
        self._kit.status.set(pod["metadata"]["uid"], self._kit.mirror_of(pod), status)

    def shown(self, pod: Object) -> Object:
        """The pod with the newest status that is known of it: ours where we made one, the API's conditions of
        others with it."""
        present = (self._kit.mirror_of(pod) or pod).get("status") or {}
        newest = self._kit.status.current(pod["metadata"]["uid"])
        if newest is None:
            return {**pod, "status": present}
        ours = [c for c in newest.get("conditions") or () if c["type"] in OWNED]
        others = [c for c in present.get("conditions") or () if c["type"] not in OWNED]
        return {**pod, "status": {**present, **newest, "conditions": [*ours, *others]}}
