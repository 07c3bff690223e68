"""What the server counts, under upstream's names."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from steersman.api.errors import ApiError
from steersman.apiserver.http.values import Response, Streaming
from steersman.runtime.metrics import counter, gauge, histogram

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Counter, Histogram

    from steersman.apiserver.http.values import Answer, Request
    from steersman.runtime.clock import Clock

LABELS = ("verb", "group", "version", "resource", "subresource", "scope")
REQUESTS = counter("apiserver_request_total", "Requests by verb, resource and code.", (*LABELS, "code"))
SECONDS = histogram("apiserver_request_duration_seconds", "Time to the answer, by verb and resource.", LABELS)
INFLIGHT = gauge("apiserver_current_inflight_requests", "Requests being answered.", ("request_kind",))
LONGRUNNING = gauge("apiserver_longrunning_requests", "Watches and other streams.", LABELS)
_READS = frozenset({"get", "list", "watch"})

_counters: dict[tuple[str, ...], Counter] = {}
_histograms: dict[tuple[str, ...], Histogram] = {}
_inflight = {kind: INFLIGHT.labels(kind) for kind in ("readOnly", "mutating")}


class Measured:
    """The outcome of one request."""

    __slots__ = ("code",)

    def __init__(self) -> None:
        self.code = 500

    def answered(self, answer: Answer) -> None:
        """Note the answer's code; a taken-over connection counts as 101."""
        self.code = answer.status if isinstance(answer, (Response, Streaming)) else 101


@contextmanager
def request(request: Request, clock: Clock) -> Iterator[Measured]:
    """Measure one request; an ApiError that passes through gives its code."""
    start, measured = clock.monotonic(), Measured()
    gauge = _inflight["readOnly" if request.info.verb in _READS else "mutating"]
    gauge.inc()
    try:
        yield measured
    except ApiError as error:
        measured.code = error.code
        raise
    finally:
        gauge.dec()
        _count(request, measured.code, clock.monotonic() - start)


def _count(request: Request, code: int, seconds: float) -> None:
    info = request.info
    if info.is_resource:
        scope = "namespace" if info.namespace else "cluster"
        key = (info.verb.upper(), info.group, info.version, info.resource, info.subresource, scope)
    else:
        key = (info.verb.upper(), "", "", "", "", "")
    counted = _counters.get((*key, str(code)))
    if counted is None:
        if len(_counters) > 4096:  # unknown resources in paths must not grow memory without bound
            return
        counted = _counters[(*key, str(code))] = REQUESTS.labels(*key, str(code))
        _histograms.setdefault(key, SECONDS.labels(*key))
    counted.inc()
    if info.verb != "watch":
        _histograms[key].observe(seconds)
