"""Prefers nodes that already have the pod's images, the more so the larger and the more widespread they
are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steersman.scheduler.framework import MAX_SCORE, Memo, RowSet, ScorePlugin, Scores

if TYPE_CHECKING:
    from steersman.scheduler.cluster import Cluster
    from steersman.scheduler.podinfo import Template

__all__ = ["ImageLocality"]

MIB = 1024 * 1024
LEAST = 23 * MIB
"""Bytes; less than this is not worth a preference."""
MOST_PER_CONTAINER = 1000 * MIB
"""Bytes; more than this makes no difference."""


class ImageLocality(ScorePlugin):
    name: ClassVar[str] = "ImageLocality"
    normalized: ClassVar[bool] = False

    def prepare_score(self, pod: Template, cluster: Cluster, memo: Memo) -> Any:
        """Scores of all rows, or None when no node has any of the images."""
        held = [cluster.images[name] for name in map(tagged, pod.images) if name in cluster.images]
        if not held:
            return None
        nodes = max(cluster.node_count, 1)
        total = np.zeros(cluster.rows, dtype=np.float64)
        for holders in held:
            for row, size in holders.items():
                total[row] += size * len(holders) / nodes
        most = MOST_PER_CONTAINER * len(pod.images)
        return np.floor(MAX_SCORE * (np.clip(total, LEAST, most) - LEAST) / (most - LEAST))

    def score(self, state: Scores, cluster: Cluster, rows: RowSet) -> Scores:
        return state[rows]


def tagged(image: str) -> str:
    """The name under which a node reports the image: with a tag or digest."""
    return image if ":" in image.rsplit("/", 1)[-1] else f"{image}:latest"
