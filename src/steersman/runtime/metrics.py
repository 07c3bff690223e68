"""Metrics in the Prometheus format, with Kubernetes' naming.

A metric is `<subsystem>_<name>`: counters end in `_total`, times are in seconds and end in `_seconds`, sizes
in `_bytes`. `prometheus-client` does the counting; this module only keeps the names well formed and makes a
second definition of the same metric (two components in one process) return the first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CONTENT_TYPE", "SECONDS", "counter", "exposition", "gauge", "histogram"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0)
"""Buckets for durations, in seconds: few, because each costs memory per label set."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_known: dict[tuple[int, str], Counter | Gauge | Histogram] = {}
M = TypeVar("M", Counter, Gauge, Histogram)


def _define(
    kind: type[M], name: str, documentation: str, labels: Sequence[str], registry: CollectorRegistry
) -> M:
    if not _NAME.fullmatch(name):
        raise ValueError(f"metric name {name!r} is not lower_snake_case")
    known = _known.get((id(registry), name))
    if known is None:
        known = _known[id(registry), name] = kind(name, documentation, labels, registry=registry)
    if not isinstance(known, kind):
        raise ValueError(f"metric {name} exists as a {type(known).__name__}")
    return known


def counter(
    name: str, documentation: str, labels: Sequence[str] = (), *, registry: CollectorRegistry = REGISTRY
) -> Counter:
    """A count that only grows; `name` ends in `_total`."""
    if not name.endswith("_total"):
        raise ValueError(f"counter {name!r} must end in _total")
    return _define(Counter, name, documentation, labels, registry)


def gauge(
    name: str, documentation: str, labels: Sequence[str] = (), *, registry: CollectorRegistry = REGISTRY
) -> Gauge:
    """A value that goes up and down."""
    return _define(Gauge, name, documentation, labels, registry)


def histogram(
    name: str,
    documentation: str,
    labels: Sequence[str] = (),
    *,
    buckets: Sequence[float] = SECONDS,
    registry: CollectorRegistry = REGISTRY,
) -> Histogram:
    """A distribution; `name` ends in `_seconds` or `_bytes`."""
    known = _known.get((id(registry), name))
    if isinstance(known, Histogram):
        return known
    if not name.endswith(("_seconds", "_bytes")):
        raise ValueError(f"histogram {name!r} must end in _seconds or _bytes")
    made = Histogram(name, documentation, labels, buckets=buckets, registry=registry)
    _known[id(registry), name] = made
    return made


def exposition(registry: CollectorRegistry = REGISTRY) -> bytes:
    """All metrics of the process in the text format."""
    return generate_latest(registry)
