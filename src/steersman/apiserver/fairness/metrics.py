"""What priority and fairness counts, under upstream's names; read only when somebody asks for /metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.metrics_core import Metric

    from steersman.apiserver.fairness.fairness import Fairness
    from steersman.apiserver.fairness.levels import Level

_PREFIX = "apiserver_flowcontrol_"
_LEVEL = ("priority_level",)


class Collector:
    """A collector as the Prometheus library wants them, over the servers of this process."""

    def __init__(self) -> None:
        self.of: WeakSet[Fairness] = WeakSet()

    def collect(self) -> Iterable[Metric]:
        """Give the numbers in the library's form."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        gauges = (
            ("nominal_limit_seats", "Seats by shares.", "nominal"),
            ("current_limit_seats", "Seats after lending and borrowing.", "limit"),
            ("current_executing_seats", "Seats taken.", "in_use"),
            ("current_inqueue_requests", "Requests that wait.", "waiting"),
        )
        for name, text, attribute in gauges:
            gauge = GaugeMetricFamily(_PREFIX + name, text, labels=_LEVEL)
            for level in self._levels():
                gauge.add_metric((level.name,), getattr(level, attribute))
            yield gauge
        dispatched = CounterMetricFamily(_PREFIX + "dispatched_requests", "Let through.", labels=_LEVEL)
        refused = CounterMetricFamily(
            _PREFIX + "rejected_requests", "Refused.", labels=("priority_level", "reason")
        )
        for level in self._levels():
            dispatched.add_metric((level.name,), level.dispatched)
            for reason, number in level.refused.items():
                refused.add_metric((level.name, reason), number)
        yield dispatched
        yield refused

    def _levels(self) -> Iterator[Level]:
        """Yield the levels of the newest server of each name: one, outside of tests."""
        seen: dict[str, Level] = {}
        for fairness in self.of:
            seen.update(fairness.levels)
        yield from seen.values()


COLLECTOR = Collector()
"""Of this process."""
