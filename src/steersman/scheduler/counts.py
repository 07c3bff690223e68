"""Counts of pods per node, kept by deltas: the arithmetic behind affinity and spreading.

Two questions, both about terms that look at other pods:
- how many pods on each node does this term speak of (`matching`)?
- how many pods on each node carry a term that speaks of this pod (`carried`)?
A count comes into being when first asked for, is filled from the pods there are, and from then on every pod
that comes or goes touches only the counts its labels lead to.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from steersman.scheduler.podinfo import PodInfo
    from steersman.scheduler.terms import AffinityTerm, NamespaceLabels, PodMatch

__all__ = ["Carried", "Counts", "MatchCount", "TermCount"]


class MatchCount:
    """Pods per node that satisfy every one of `matches`."""

    __slots__ = ("live_only", "matches", "per_node")

    def __init__(self, matches: tuple[PodMatch, ...], live_only: bool, capacity: int) -> None:
        self.matches = matches
        self.live_only = live_only
        """Pods on their way out do not count (spreading); for affinity they do."""
        self.per_node: NDArray[np.int64] = np.zeros(capacity, dtype=np.int64)

    def wants(self, pod: PodInfo, namespace_labels: NamespaceLabels) -> bool:
        if self.live_only and pod.terminating:
            return False
        labels = pod.template.labels
        return all(m.matches(pod.namespace, labels, namespace_labels) for m in self.matches)


class Carried(NamedTuple):
    """A term as pods carry it; `weight` is 0 for a required one."""

    kind: str
    """"anti", "affinity" or "preferred"."""
    term: AffinityTerm
    weight: int


class TermCount:
    """Pods per node that carry one term."""

    __slots__ = ("carried", "per_node", "total")

    def __init__(self, carried: Carried, capacity: int) -> None:
        self.carried = carried
        self.per_node: NDArray[np.int64] = np.zeros(capacity, dtype=np.int64)
        self.total = 0


T = TypeVar("T", MatchCount, TermCount)


class _Index(Generic[T]):
    """Entries found by a label that every pod they concern has, or in the rest that must always be looked
    at."""

    def __init__(self) -> None:
        self._anchored: dict[tuple[str, str], list[T]] = defaultdict(list)
        self._rest: list[T] = []

    def add(self, match: PodMatch, entry: T) -> None:
        self._bucket(match).append(entry)

    def remove(self, match: PodMatch, entry: T) -> None:
        self._bucket(match).remove(entry)
        anchor = match.anchor()
        if anchor is not None and not self._anchored[anchor]:
            del self._anchored[anchor]

    def candidates(self, labels: Mapping[str, str]) -> Iterator[T]:
        yield from self._rest
        if self._anchored:
            for pair in labels.items():
                yield from self._anchored.get(pair, ())

    def _bucket(self, match: PodMatch) -> list[T]:
        anchor = match.anchor()
        return self._rest if anchor is None else self._anchored[anchor]


class Counts:
    """All counts of one cluster. `pods` gives every placed pod with its row."""

    MATCH_LIMIT = 1024
    """Match counts kept; the least recently asked for is dropped beyond it."""

    def __init__(self, namespace_labels: NamespaceLabels) -> None:
        self._namespace_labels = namespace_labels
        self._matches: dict[tuple[tuple[PodMatch, ...], bool], MatchCount] = {}
        self._match_index: _Index[MatchCount] = _Index()
        self._terms: dict[Carried, TermCount] = {}
        self._term_index: _Index[TermCount] = _Index()
        self._capacity = 0

    def grow(self, capacity: int) -> None:
        self._capacity = capacity
        counts: list[MatchCount | TermCount] = [*self._matches.values(), *self._terms.values()]
        for count in counts:
            longer = np.zeros(capacity, dtype=np.int64)
            longer[: len(count.per_node)] = count.per_node
            count.per_node = longer

    def change(self, pod: PodInfo, row: int, step: int) -> None:
        """A pod came to (`step` 1) or left (-1) a node."""
        for count in self._match_index.candidates(pod.template.labels):
            if count.wants(pod, self._namespace_labels):
                count.per_node[row] += step
        for carried in carried_terms(pod):
            self._change_term(carried, row, step)

    def matching(
        self, matches: tuple[PodMatch, ...], live_only: bool, pods: Iterable[tuple[PodInfo, int]]
    ) -> NDArray[np.int64]:
        """Pods per node that satisfy all of `matches`; the live array, not to be written."""
        key = (matches, live_only)
        count = self._matches.pop(key, None)
        if count is None:
            count = MatchCount(matches, live_only, self._capacity)
            for pod, row in pods:
                if count.wants(pod, self._namespace_labels):
                    count.per_node[row] += 1
            self._match_index.add(matches[0], count)
            self._forget_matches()
        self._matches[key] = count
        return count.per_node

    def concerning(self, pod_namespace: str, labels: Mapping[str, str], kind: str) -> list[TermCount]:
        """The counts of carried terms of one kind that speak of a pod in that namespace with those labels."""
        return [
            count
            for count in self._term_index.candidates(labels)
            if count.carried.kind == kind
            and count.carried.term.match.matches(pod_namespace, labels, self._namespace_labels)
        ]

    def forget_namespaces(self) -> None:
        """Drop the match counts that depend on labels of namespaces: those labels changed."""
        for key in [k for k in self._matches if any(_by_namespace_labels(m) for m in k[0])]:
            self._match_index.remove(key[0][0], self._matches.pop(key))

    def _forget_matches(self) -> None:
        while len(self._matches) >= self.MATCH_LIMIT:
            oldest = next(iter(self._matches))
            self._match_index.remove(oldest[0][0], self._matches.pop(oldest))

    def _change_term(self, carried: Carried, row: int, step: int) -> None:
        count = self._terms.get(carried)
        if count is None:
            count = self._terms[carried] = TermCount(carried, self._capacity)
            self._term_index.add(carried.term.match, count)
        count.per_node[row] += step
        count.total += step
        if not count.total:
            del self._terms[carried]
            self._term_index.remove(carried.term.match, count)


def _by_namespace_labels(match: PodMatch) -> bool:
    return match.namespace_selector is not None and not match.namespace_selector.empty


def carried_terms(pod: PodInfo) -> Iterator[Carried]:
    template = pod.template
    for term in template.anti_affinity:
        yield Carried("anti", term, 0)
    for term in template.affinity:
        yield Carried("affinity", term, 0)
    for weight, term in template.preferred:
        yield Carried("preferred", term, weight)
