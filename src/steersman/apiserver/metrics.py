"""What the server counts, under upstream's names.

Counting happens for every request, so it is plain arithmetic here; the Prometheus library only sees the
numbers when somebody reads /metrics.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cache
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.metrics_core import Metric
    from prometheus_client.registry import Collector

    from steersman.apiserver.api import API
    from steersman.apiserver.http.request_info import RequestInfo

SECONDS = (0.001, 0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0)
"""Upper bounds of the buckets, in seconds."""
LABELS = ("verb", "group", "version", "resource", "subresource", "scope")
_METHODS = {"create": "POST", "update": "PUT"}
"""Verbs that are reported by their method."""
_READS = frozenset({"get", "list", "watch"})
_MOST = 4096
"""Label sets kept at most: unknown resources in paths must not grow memory without bound."""

Key = tuple[str, str, str, str, str, str]


class _Series:
    """The requests of one label set: by code, and their durations."""

    __slots__ = ("buckets", "codes", "total")

    def __init__(self) -> None:
        self.codes: dict[int, int] = {}
        self.buckets = [0] * (len(SECONDS) + 1)
        self.total = 0.0


class Requests:
    """Counts and durations of requests; a collector as the Prometheus library wants them."""

    def __init__(self) -> None:
        self._series: dict[Key, _Series] = {}
        self.reading = self.writing = self.watching = 0
        """Requests being answered now."""

    def count(self, info: RequestInfo, code: int, seconds: float) -> None:
        """Note an answered request."""
        if info.is_resource:
            one = info.name or info.verb == "create"
            scope = "resource" if one else "namespace" if info.namespace else "cluster"
            key = (info.verb, info.group, info.version, info.resource, info.subresource, scope)
        else:
            key = (info.verb, "", "", "", "", "")
        series = self._series.get(key)
        if series is None:
            if len(self._series) >= _MOST:
                return
            series = self._series[key] = _Series()
        series.codes[code] = series.codes.get(code, 0) + 1
        if info.verb != "watch":
            series.buckets[bisect_left(SECONDS, seconds)] += 1
            series.total += seconds

    def begin(self, verb: str) -> None:
        """Note that a request is being answered."""
        if verb in _READS:
            self.reading += 1
        else:
            self.writing += 1

    def end(self, verb: str) -> None:
        """Note that it is answered."""
        if verb in _READS:
            self.reading -= 1
        else:
            self.writing -= 1

    def collect(self) -> Iterable[Metric]:
        """Give the numbers in the library's form."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        requests = CounterMetricFamily(
            "apiserver_request", "Requests by verb, resource and code.", labels=(*LABELS, "component", "code")
        )
        names = (*LABELS, "component")
        seconds, sli = (
            HistogramMetricFamily(name, "Time to the answer, by verb and resource.", labels=names)
            for name in ("apiserver_request_duration_seconds", "apiserver_request_sli_duration_seconds")
        )
        for key, series in self._series.items():
            labels = (_METHODS.get(key[0]) or key[0].upper(), *key[1:], "apiserver")
            for code, number in series.codes.items():
                requests.add_metric((*labels, str(code)), number)
            buckets = cumulated(series.buckets)
            seconds.add_metric(labels, buckets, series.total)
            sli.add_metric(labels, buckets, series.total)
        inflight = GaugeMetricFamily(
            "apiserver_current_inflight_requests", "Requests being answered.", labels=("request_kind",)
        )
        inflight.add_metric(("readOnly",), self.reading)
        inflight.add_metric(("mutating",), self.writing)
        return requests, seconds, sli, inflight


def cumulated(buckets: list[int]) -> list[tuple[str, float]]:
    """Return counts by the buckets of `SECONDS` as the library wants them: each with all before it."""
    below, found = 0, []
    for bound, number in zip((*SECONDS, float("inf")), buckets, strict=True):
        below += number
        found.append(("+Inf" if bound == float("inf") else str(bound), float(below)))
    return found


REQUESTS = Requests()
"""Of this process."""


@cache
def _register() -> None:
    from prometheus_client import REGISTRY

    from steersman.apiserver.fairness.metrics import COLLECTOR
    from steersman.apiserver.storage_metrics import CALLS

    REGISTRY.register(cast("Collector", REQUESTS))
    REGISTRY.register(cast("Collector", COLLECTOR))
    REGISTRY.register(cast("Collector", CALLS))


def exposition(api: API) -> tuple[bytes, str]:
    """Return all metrics of the process and of one server in the text format, and its content type."""
    from prometheus_client import CollectorRegistry

    from steersman.apiserver.storage_metrics import Inventory
    from steersman.runtime import metrics

    _register()
    own = CollectorRegistry(auto_describe=False)
    own.register(cast("Collector", Inventory(api)))
    return metrics.exposition() + metrics.exposition(own), metrics.CONTENT_TYPE
