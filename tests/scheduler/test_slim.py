from __future__ import annotations

from typing import Any

from tests.scheduler.objects import pod, required, spread, taint, term

from steersman.scheduler.podinfo import Templates
from steersman.scheduler.slim import slim_pod

FULL: dict[str, Any] = pod(
    "p",
    labels={"app": "web"},
    requests={"cpu": "100m"},
    ports=[{"containerPort": 80, "hostPort": 80}],
    nodeSelector={"a": "b"},
    affinity={"podAffinity": required(term("db"))},
    tolerations=[taint("k")],
    topologySpreadConstraints=[spread("zone")],
    overhead={"cpu": "10m"},
    priority=7,
    preemptionPolicy="Never",
    schedulingGates=[{"name": "g"}],
    initContainers=[{"name": "i", "image": "x", "restartPolicy": "Always", "env": [{"name": "A"}]}],
    volumes=[{"name": "v", "emptyDir": {}}],
)


def test_nothing_that_decides_is_lost() -> None:
    templates = Templates()
    whole, slim = templates.pod(FULL), templates.pod(slim_pod(FULL))
    assert whole.template is slim.template
    for field in (
        "uid",
        "key",
        "priority",
        "created",
        "started",
        "preempts",
        "terminating",
        "gates",
        "nominated",
    ):
        assert getattr(whole, field) == getattr(slim, field)


def test_what_decides_nothing_is_not_kept() -> None:
    kept = slim_pod(FULL | {"status": {"phase": "Running", "podIP": "10.0.0.1"}})
    assert "volumes" not in kept["spec"]
    assert "env" not in kept["spec"]["initContainers"][0]
    assert kept["status"] == {"phase": "Running", "conditions": []}
