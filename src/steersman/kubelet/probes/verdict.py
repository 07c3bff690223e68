"""What a row of answers adds up to: the thresholds of a probe (pure).

Before anything is known, liveness counts as healthy, readiness and startup do not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from steersman.api.types import Object

Kind = Literal["startup", "liveness", "readiness"]
KINDS: tuple[Kind, ...] = ("startup", "liveness", "readiness")
FIELDS: dict[Kind, str] = {
    "startup": "startupProbe",
    "liveness": "livenessProbe",
    "readiness": "readinessProbe",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    healthy: bool
    decided: bool = False
    """a threshold has been reached at least once"""
    last: bool | None = None
    run: int = 0
    """how many answers in a row were like `last`"""


def initial(kind: Kind) -> Verdict:
    return Verdict(healthy=kind == "liveness")


def judge(probe: Object, verdict: Verdict, healthy: bool) -> Verdict:
    """The verdict after one more answer."""
    run = verdict.run + 1 if verdict.last is healthy else 1
    threshold = (
        int(probe.get("successThreshold") or 1) if healthy else int(probe.get("failureThreshold") or 3)
    )
    if run < threshold:
        return replace(verdict, last=healthy, run=run)
    return Verdict(healthy=healthy, decided=True, last=healthy, run=run)


def period(probe: Object) -> float:
    return float(probe.get("periodSeconds") or 10)


def timeout(probe: Object) -> float:
    return float(probe.get("timeoutSeconds") or 1)


def initial_delay(probe: Object) -> float:
    return float(probe.get("initialDelaySeconds") or 0)
