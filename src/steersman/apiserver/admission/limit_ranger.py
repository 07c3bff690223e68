"""LimitRanger: a namespace's LimitRanges give containers their default resources and bound what pods and
claims ask.

`plan_defaults` and `violations` are pure; the plug-in reads the LimitRanges of the namespace and applies
them. Source: "Limit Ranges"; messages are those users know.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from steersman.api import quantity
from steersman.api.kinds import LIMIT_RANGES, PERSISTENT_VOLUME_CLAIMS, PODS
from steersman.apiserver.admission.plugin import AdmissionPlugin, forbidden

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes

ANNOTATION = "kubernetes.io/limit-ranger"


class LimitRanger(AdmissionPlugin):
    name = "LimitRanger"
    resources = (PODS, PERSISTENT_VOLUME_CLAIMS)

    async def mutate(self, attributes: Attributes) -> None:
        if attributes.resource != PODS:
            return
        pod = attributes.obj
        assert pod is not None
        notes = [note for item in await self._items(attributes) for note in apply_defaults(pod, item)]
        if notes:
            annotations = pod["metadata"].setdefault("annotations", {})
            annotations[ANNOTATION] = f"LimitRanger plugin set: {'; '.join(notes)}"

    async def validate(self, attributes: Attributes) -> None:
        assert attributes.obj is not None
        problems = [
            problem
            for item in await self._items(attributes)
            for subject in subjects(attributes.obj, attributes.resource.kind, item.get("type", ""))
            for problem in violations(item, subject)
        ]
        if problems:
            why = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
            raise forbidden(attributes, why)

    async def _items(self, attributes: Attributes) -> list[Object]:
        ranges = await self.api.look_all(LIMIT_RANGES, attributes.namespace)
        return [item for each in ranges for item in (each.get("spec") or {}).get("limits") or ()]


@dataclass(frozen=True, slots=True)
class Subject:
    """What one limit is held against: resources by name."""

    requests: dict[str, Fraction]
    limits: dict[str, Fraction]


def default_limits(item: Object) -> tuple[dict[str, str], dict[str, str]]:
    """(requests, limits) a container gets: what is not stated follows from max and min."""
    limits = {**(item.get("max") or {}), **(item.get("default") or {})}
    requests = {**(item.get("min") or {}), **limits, **(item.get("defaultRequest") or {})}
    return requests, limits


def apply_defaults(pod: Object, item: Object) -> Iterator[str]:
    """Complete the containers of a pod in place; yield what was done, for the annotation."""
    if item.get("type") != "Container":
        return
    requests, limits = default_limits(item)
    spec = pod.get("spec") or {}
    for part, kind in (("containers", "container"), ("initContainers", "init container")):
        for container in spec.get(part) or ():
            resources = container.setdefault("resources", {})
            for field, wanted in (("request", requests), ("limit", limits)):
                present = resources.get(f"{field}s") or {}
                missing = {name: value for name, value in wanted.items() if name not in present}
                if missing:
                    resources[f"{field}s"] = {**present, **missing}
                    yield f"{', '.join(sorted(missing))} {field} for {kind} {container.get('name', '')}"


def subjects(obj: Object, kind: str, limit_type: str) -> Iterator[Subject]:
    """What a limit of some type bounds in an object."""
    spec = obj.get("spec") or {}
    if kind == limit_type == "PersistentVolumeClaim":
        yield _subject(spec)
    if kind != "Pod":
        return
    containers = [_subject(item) for item in spec.get("containers") or ()]
    init = [_subject(item) for item in spec.get("initContainers") or ()]
    if limit_type == "Container":
        yield from (*containers, *init)
    elif limit_type == "Pod":
        yield Subject(
            _pod_total([item.requests for item in containers], [item.requests for item in init]),
            _pod_total([item.limits for item in containers], [item.limits for item in init]),
        )


def _subject(holder: Object) -> Subject:
    resources = holder.get("resources") or {}
    requests, limits = (
        {name: quantity.parse(value) for name, value in (resources.get(field) or {}).items()}
        for field in ("requests", "limits")
    )
    return Subject(requests, limits)


def _pod_total(containers: list[dict[str, Fraction]], init: list[dict[str, Fraction]]) -> dict[str, Fraction]:
    """What a pod needs: its containers together, or its neediest init container. Only what all containers
    state."""
    names = set.intersection(*(set(item) for item in containers)) if containers else set()
    totals = {}
    for name in names:
        together = sum((item[name] for item in containers), Fraction(0))
        totals[name] = max([together, *(item[name] for item in init if name in item)])
    return totals


def violations(item: Object, subject: Subject) -> Iterator[str]:
    """What a limit forbids, one message each."""
    kind = item.get("type", "")
    for name, text in (item.get("min") or {}).items():
        yield from _minimum(f"minimum {name} usage per {kind} is {text}", quantity.parse(text), name, subject)
    for name, text in (item.get("max") or {}).items():
        start = f"maximum {name} usage per {kind} is {text}"
        needed = kind != "PersistentVolumeClaim"
        yield from _maximum(start, quantity.parse(text), name, subject, needed=needed)
    for name, text in (item.get("maxLimitRequestRatio") or {}).items():
        start = f"{name} max limit to request ratio per {kind} is {text}"
        yield from _ratio(start, quantity.parse(text), name, subject)


def _show(amount: Fraction) -> str:
    if amount.denominator != 1:
        return quantity.format(amount, "DecimalSI")
    return quantity.format(amount, "BinarySI" if amount % 1024 == 0 else "DecimalSI")


def _minimum(start: str, bound: Fraction, name: str, subject: Subject) -> Iterator[str]:
    request, limit = subject.requests.get(name), subject.limits.get(name)
    if request is None:
        yield f"{start}.  No request is specified"
    elif request < bound:
        yield f"{start}, but request is {_show(request)}"
    elif limit is not None and limit < bound:
        yield f"{start}, but limit is {_show(limit)}"


def _maximum(start: str, bound: Fraction, name: str, subject: Subject, *, needed: bool) -> Iterator[str]:
    """`needed`: a limit must be stated; claims only have requests."""
    request, limit = subject.requests.get(name), subject.limits.get(name)
    if limit is None and needed:
        yield f"{start}.  No limit is specified"
    elif limit is not None and limit > bound:
        yield f"{start}, but limit is {_show(limit)}"
    elif request is not None and request > bound:
        yield f"{start}, but request is {_show(request)}"


def _ratio(start: str, bound: Fraction, name: str, subject: Subject) -> Iterator[str]:
    request, limit = subject.requests.get(name), subject.limits.get(name)
    if not request:
        yield f"{start}, but no request is specified or request is 0"
    elif not limit:
        yield f"{start}, but no limit is specified or limit is 0"
    elif limit / request > bound:
        yield f"{start}, but provided ratio is {float(limit / request):f}"
