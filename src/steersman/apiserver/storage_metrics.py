"""What is counted of the store, the watch caches and their watchers, under upstream's names.

Calls of the store are counted as they happen; everything else is looked up when somebody reads /metrics. The
metrics of the store are called `etcd_...` whichever store it is, because dashboards and alerts ask for these.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from steersman.apiserver.metrics import SECONDS, cumulated
from steersman.apiserver.version import version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.metrics_core import Metric

    from steersman.api.resource import Resource
    from steersman.apiserver.api import API
    from steersman.apiserver.cache.cache import Cache

Call = Literal["create", "update", "delete"]
_OF_RESOURCE = ("group", "resource")
_LONG_RUNNING = ("verb", "group", "version", "resource", "subresource", "scope", "component")


class StoreCalls:
    """How often the store was asked to change something, and how long that took."""

    def __init__(self) -> None:
        self._durations: dict[tuple[Call, str, str], tuple[list[int], list[float]]] = {}

    def count(self, call: Call, resource: Resource, seconds: float) -> None:
        """Note a change that was made."""
        key = (call, resource.group, resource.plural)
        found = self._durations.get(key)
        if found is None:
            found = self._durations[key] = [0] * (len(SECONDS) + 1), [0.0]
        found[0][bisect_left(SECONDS, seconds)] += 1
        found[1][0] += seconds

    def collect(self) -> Iterable[Metric]:
        """Give the numbers in the library's form."""
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        labels = ("operation", *_OF_RESOURCE)
        calls = CounterMetricFamily("etcd_requests", "Changes asked of the store.", labels=labels)
        seconds = HistogramMetricFamily(
            "etcd_request_duration_seconds", "Time until the store had them.", labels=labels
        )
        for key, (buckets, total) in self._durations.items():
            calls.add_metric(key, sum(buckets))
            seconds.add_metric(key, cumulated(buckets), total[0])
        return calls, seconds


CALLS = StoreCalls()
"""Of this process."""


class Inventory:
    """What one server holds at this moment; a collector as the Prometheus library wants them."""

    def __init__(self, api: API) -> None:
        self._api = api

    def collect(self) -> Iterable[Metric]:
        """Give the numbers in the library's form."""
        caches = [cache for cache in self._api.hub.caches() if cache.loaded]
        yield from _objects(caches)
        yield from _events(caches)
        yield _watches(caches)
        yield from self._server()

    def _server(self) -> Iterable[Metric]:
        from prometheus_client.core import GaugeMetricFamily

        config = self._api.config
        if config.store == "sqlite" and Path(config.database).is_file():
            size = GaugeMetricFamily(
                "apiserver_storage_size_bytes", "Size of the database.", labels=("storage_cluster_id",)
            )
            size.add_metric(("sqlite",), Path(config.database).stat().st_size)
            yield size
        said = version()
        names = {"major": "major", "minor": "minor", "git_version": "gitVersion", "platform": "platform"}
        build = GaugeMetricFamily("kubernetes_build_info", "The version.", labels=tuple(names))
        build.add_metric([str(said[name]) for name in names.values()], 1)
        yield build


def _objects(caches: list[Cache]) -> Iterable[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    objects = GaugeMetricFamily("apiserver_resource_objects", "Stored objects.", labels=_OF_RESOURCE)
    older = GaugeMetricFamily("apiserver_storage_objects", "Stored objects.", labels=("resource",))
    numbers = {(cache.resource.group, cache.resource.plural): cache.objects.count for cache in caches}
    for (group, plural), number in numbers.items():
        objects.add_metric((group, plural), number)
        older.add_metric((f"{plural}.{group}" if group else plural,), number)
    return objects, older


def _events(caches: list[Cache]) -> Iterable[Metric]:
    from prometheus_client.core import CounterMetricFamily

    received = CounterMetricFamily(
        "apiserver_watch_cache_events_received", "Changes that came from the store.", labels=_OF_RESOURCE
    )
    sent = CounterMetricFamily(
        "apiserver_watch_events", "Changes sent to watchers.", labels=("group", "version", "resource")
    )
    # A resource whose versions a webhook converts has a cache for each: they get the same changes.
    came = {(cache.resource.group, cache.resource.plural): cache.received for cache in caches}
    for names, number in came.items():
        received.add_metric(names, number)
    went: Counter[tuple[str, str, str]] = Counter()
    for cache in caches:
        went[cache.resource.group, cache.resource.version, cache.resource.plural] += cache.sent
    for of_version, number in went.items():
        sent.add_metric(of_version, number)
    return received, sent


def _watches(caches: list[Cache]) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    running = GaugeMetricFamily("apiserver_longrunning_requests", "Watches.", labels=_LONG_RUNNING)
    numbers: Counter[tuple[str, str, str, str]] = Counter()
    for cache in caches:
        row = cache.resource
        for group in cache.groups:
            scope = "namespace" if group.namespace else "cluster"
            numbers[row.group, row.version, row.plural, scope] += group.count
    for (name, version_name, plural, scope), number in numbers.items():
        running.add_metric(("WATCH", name, version_name, plural, "", scope, "apiserver"), number)
    return running
