"""LimitRanges: defaults given and bounds held."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.apiserver.admission.limit_ranger import apply_defaults, subjects, violations


def pod(requests: dict[str, str] | None = None, limits: dict[str, str] | None = None) -> dict[str, Any]:
    resources = {"requests": requests or {}, "limits": limits or {}}
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "resources": resources}]}}


def told(obj: dict[str, Any], item: dict[str, Any], kind: str = "Pod") -> list[str]:
    return [text for subject in subjects(obj, kind, item["type"]) for text in violations(item, subject)]


def test_defaults_are_given_and_noted() -> None:
    limit = {"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "100m", "memory": "1Gi"}}
    made = pod(limits={"cpu": "2"})
    notes = list(apply_defaults(made, limit))
    resources = made["spec"]["containers"][0]["resources"]
    assert resources == {"requests": {"cpu": "100m", "memory": "1Gi"}, "limits": {"cpu": "2"}}
    assert notes == ["cpu, memory request for container c"]


def test_what_is_not_stated_follows_from_max_and_min() -> None:
    made = pod()
    list(apply_defaults(made, {"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1Mi"}}))
    resources = made["spec"]["containers"][0]["resources"]
    assert resources == {"requests": {"cpu": "2", "memory": "1Mi"}, "limits": {"cpu": "2"}}


MIN = {"type": "Container", "min": {"cpu": "100m"}}
MAX = {"type": "Container", "max": {"memory": "1Gi"}}
RATIO = {"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}}
POD = {"type": "Pod", "max": {"cpu": "1"}}


@pytest.mark.parametrize(
    ("limit", "made", "messages"),
    [
        (MIN, pod({"cpu": "200m"}), []),
        (MIN, pod({"cpu": "50m"}), ["minimum cpu usage per Container is 100m, but request is 50m"]),
        (MIN, pod(), ["minimum cpu usage per Container is 100m.  No request is specified"]),
        (MAX, pod(limits={"memory": "2Gi"}), ["maximum memory usage per Container is 1Gi, but limit is 2Gi"]),
        (MAX, pod(), ["maximum memory usage per Container is 1Gi.  No limit is specified"]),
        (RATIO, pod({"cpu": "1"}, {"cpu": "2"}), []),
        (
            RATIO,
            pod({"cpu": "1"}, {"cpu": "3"}),
            ["cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000"],
        ),
        (POD, pod(limits={"cpu": "2"}), ["maximum cpu usage per Pod is 1, but limit is 2"]),
    ],
)
def test_bounds_are_held(limit: dict[str, Any], made: dict[str, Any], messages: list[str]) -> None:
    assert told(made, limit) == messages


def test_claims_are_bounded_by_what_they_request() -> None:
    limit = {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}}
    claim = {"spec": {"resources": {"requests": {"storage": "3Gi"}}}}
    assert told(claim, limit, "PersistentVolumeClaim") == [
        "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"
    ]
