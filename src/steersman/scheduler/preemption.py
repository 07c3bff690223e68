"""Which pods would have to go so that a more important one finds a place: pure, apart from trying things out
on the cluster.

For every node where removing pods could help, all pods of lower priority are taken away; if the pod then
fits, they are put back one by one, the most important first, as long as it still fits. What cannot be put
back are the victims. Of the candidate nodes, the one that hurts the least is taken. The cluster is as before
when `plan_preemption` returns.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from steersman.scheduler.diagnosis import preemption_note

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from steersman.api.labels import Selector
    from steersman.scheduler.cluster import Cluster
    from steersman.scheduler.passes import Evaluator, Turned
    from steersman.scheduler.podinfo import PodInfo

__all__ = ["Budget", "Eviction", "plan_preemption"]

NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"
MOST_CANDIDATES = 100
"""Nodes tried out, or a tenth of all, whichever is more."""


class Budget(NamedTuple):
    """A PodDisruptionBudget, as far as preemption goes."""

    namespace: str
    selector: Selector
    allowed: int


@dataclass(frozen=True, slots=True)
class Eviction:
    node: str
    victims: tuple[PodInfo, ...]
    """The most important first."""
    violations: int
    """Victims whose budget allows no further disruption."""

    def harm(self) -> tuple[float, ...]:
        """Smaller is better: budgets, then the most important victim, the sum, the number, the youngest
        start."""
        highest = max(v.priority for v in self.victims)
        youngest = min(v.started for v in self.victims if v.priority == highest)
        total = sum(v.priority + 2**31 for v in self.victims)
        return self.violations, highest, total, len(self.victims), -youngest


def plan_preemption(
    pod: PodInfo, turned: Turned, evaluator: Evaluator, budgets: Sequence[Budget]
) -> tuple[Eviction | None, str]:
    """The eviction that lets `pod` in; without one, why there is none, as FailedScheduling says it."""
    cluster = evaluator.cluster
    if not pod.preempts:
        return None, "preemption: not eligible due to preemptionPolicy=Never."
    if pod.nominated and waits_for_victims(pod, cluster):
        return None, "preemption: not eligible due to a terminating pod on the nominated node."
    rows = candidate_rows(turned)
    reasons: Counter[str] = Counter()
    if turned.nodes > len(rows):
        reasons[NOT_HELPFUL] = turned.nodes - len(rows)
    lowest = min((p.priority for p in cluster.pods.values()), default=pod.priority)
    if lowest >= pod.priority:
        reasons[NO_VICTIMS] = len(rows)
        return None, preemption_note(turned.nodes, +reasons)
    found = []
    for row in rows:
        eviction = try_row(pod, row, evaluator, budgets)
        if isinstance(eviction, str):
            reasons[eviction] += 1
        else:
            found.append(eviction)
            if len(found) >= max(MOST_CANDIDATES, turned.nodes // 10):
                break
    if not found:
        return None, preemption_note(turned.nodes, reasons)
    return min(found, key=Eviction.harm), ""


def candidate_rows(turned: Turned) -> list[int]:
    """Rows of which no rejection is final."""
    final: set[int] = set()
    open_: set[int] = set()
    for _, rejection in turned.rejections:
        (open_ if rejection.resolvable else final).update(rejection.rows.tolist())
    return sorted(open_ - final)


def waits_for_victims(pod: PodInfo, cluster: Cluster) -> bool:
    row = cluster.row_of.get(pod.nominated)
    if row is None:
        return False
    return any(p.terminating and p.priority < pod.priority for p in cluster.pods_on[row].values())


def try_row(pod: PodInfo, row: int, evaluator: Evaluator, budgets: Sequence[Budget]) -> Eviction | str:
    """What evicting from this row would take, or the reason why it does not help."""
    cluster = evaluator.cluster
    lower = [p for p in cluster.pods_on[row].values() if p.priority < pod.priority]
    if not lower:
        return NO_VICTIMS
    lower.sort(key=lambda p: (-p.priority, p.started))
    over = over_budget(lower, budgets)
    away: dict[str, PodInfo] = {}
    try:
        for other in lower:
            away[other.uid] = other
            cluster.remove_pod(other.uid)
        if not evaluator.fits(pod.template, row):
            return still_turned(pod, row, evaluator)
        for other in sorted(lower, key=lambda p: p.uid not in over):
            cluster.add_pod(other)
            if evaluator.fits(pod.template, row):
                del away[other.uid]
            else:
                cluster.remove_pod(other.uid)
        victims = tuple(p for p in lower if p.uid in away)
    finally:
        for other in away.values():
            cluster.add_pod(other)
    if not victims:
        return NO_VICTIMS
    return Eviction(cluster.names[row], victims, sum(v.uid in over for v in victims))


def still_turned(pod: PodInfo, row: int, evaluator: Evaluator) -> str:
    """Why the pod does not fit even into the emptied row."""
    return evaluator.reason(pod.template, row) or NO_VICTIMS


def over_budget(pods: Iterable[PodInfo], budgets: Sequence[Budget]) -> set[str]:
    """Uids of the pods whose eviction a budget does not allow, taking them in the given order."""
    left = [budget.allowed for budget in budgets]
    over: set[str] = set()
    for pod in pods:
        for i, budget in enumerate(budgets):
            if budget.namespace == pod.namespace and budget.selector.matches(pod.template.labels):
                left[i] -= 1
                if left[i] < 0:
                    over.add(pod.uid)
    return over
