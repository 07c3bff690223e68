"""HorizontalPodAutoscalers in autoscaling/v1 and in the stored form, autoscaling/v2.

v1 knows one metric, the CPU utilisation.  What else a v2 object says (other metrics, behaviour, conditions)
is carried through v1 in annotations, as JSON of the v2 fields: a client of v1 loses nothing on an update.

Source: the annotations' names are those of k8s pkg/apis/autoscaling/annotations.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from steersman.api.types import Object

_PREFIX = "autoscaling.alpha.kubernetes.io/"
_METRICS, _BEHAVIOR = f"{_PREFIX}metrics", f"{_PREFIX}behavior"
_CONDITIONS, _CURRENT = f"{_PREFIX}conditions", f"{_PREFIX}current-metrics"
_OWN = (_METRICS, _BEHAVIOR, _CONDITIONS, _CURRENT)
_SAME_STATUS = ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")
DEFAULT_CPU_PERCENT = 80
"""Target of an autoscaler that names none."""


def to_v2(old: Object) -> Object:
    """Return a v1 autoscaler in the stored form."""
    spec, status = dict(old.get("spec") or {}), old.get("status") or {}
    annotations = dict((old.get("metadata") or {}).get("annotations") or {})
    carried = {name: _loaded(annotations.pop(name, None)) for name in _OWN}
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    metrics: list[Object] = carried[_METRICS] or []
    if percent is not None or not metrics:
        metrics = [_cpu("target", DEFAULT_CPU_PERCENT if percent is None else percent), *metrics]
    spec["metrics"] = metrics
    if carried[_BEHAVIOR]:
        spec["behavior"] = carried[_BEHAVIOR]
    found = {name: status[name] for name in _SAME_STATUS if name in status}
    current: list[Object] = carried[_CURRENT] or []
    seen = status.get("currentCPUUtilizationPercentage")
    found["currentMetrics"] = current if seen is None else [_cpu("current", seen), *current]
    if carried[_CONDITIONS]:
        found["conditions"] = carried[_CONDITIONS]
    return {**old, "metadata": _with(old, annotations), "spec": spec, "status": found}


def to_v1(stored: Object) -> Object:
    """Return a stored autoscaler as autoscaling/v1 shows it."""
    spec, status = dict(stored.get("spec") or {}), dict(stored.get("status") or {})
    percent, others = _split(spec.pop("metrics", None) or [], "target")
    seen, current = _split(status.get("currentMetrics") or [], "current")
    if percent is not None:
        spec["targetCPUUtilizationPercentage"] = percent
    found = {name: status[name] for name in _SAME_STATUS if name in status}
    found.setdefault("currentReplicas", 0)
    if seen is not None:
        found["currentCPUUtilizationPercentage"] = seen
    annotations = dict((stored.get("metadata") or {}).get("annotations") or {})
    carried = {
        _METRICS: others,
        _BEHAVIOR: spec.pop("behavior", None),
        _CONDITIONS: status.get("conditions"),
        _CURRENT: current,
    }
    annotations |= {name: orjson.dumps(value).decode() for name, value in carried.items() if value}
    return {**stored, "metadata": _with(stored, annotations), "spec": spec, "status": found}


def _cpu(field: str, percent: int) -> Object:
    amount = {"averageUtilization": percent} | ({"type": "Utilization"} if field == "target" else {})
    return {"type": "Resource", "resource": {"name": "cpu", field: amount}}


def _split(metrics: list[Object], field: str) -> tuple[int | None, list[Object]]:
    """Take the CPU utilisation, which v1 has a field for, out of the list."""
    for index, metric in enumerate(metrics):
        resource = metric.get("resource") or {}
        percent = (resource.get(field) or {}).get("averageUtilization")
        if metric.get("type") == "Resource" and resource.get("name") == "cpu" and percent is not None:
            return percent, metrics[:index] + metrics[index + 1 :]
    return None, metrics


def _loaded(text: str | None) -> Any:
    if not text:
        return None
    try:
        return orjson.loads(text)
    except ValueError:
        return None  # an annotation somebody else wrote; v2 has no place for it


def _with(obj: Object, annotations: Object) -> Object:
    metadata = dict(obj.get("metadata") or {})
    metadata.pop("annotations", None)
    return metadata | {"annotations": annotations} if annotations else metadata
