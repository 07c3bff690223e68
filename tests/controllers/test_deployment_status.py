"""Conditions of a Deployment as time goes by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.controllers.test_rollout import deploy, rs

from steersman.api import meta
from steersman.controllers.deployment import status

if TYPE_CHECKING:
    from steersman.api.types import Object

START = 1_767_225_600.0


def progress(obj: Object) -> tuple[str, str]:
    condition = meta.get_condition(obj, "Progressing")
    assert condition is not None
    return condition["status"], condition["reason"]


def test_progress_deadline_runs_from_the_last_progress_and_ends_with_completion() -> None:
    deployment = deploy(2)
    deployment["spec"]["progressDeadlineSeconds"] = 60
    created = status.put_condition([], "Progressing", "True", "NewReplicaSetCreated", "made", START)
    deployment["status"] = {"conditions": created}

    def at(seconds: float, new: Object) -> tuple[str, str]:
        deployment["status"] = status.plan_rollout_status(deployment, new, [new], START + seconds)
        return progress(deployment)

    starting = rs("n", 2, 0)
    assert at(10, starting) == ("True", "ReplicaSetUpdated")
    assert status.deadline_left(deployment, deployment["status"], START + 20) == 51
    assert at(69, starting) == ("True", "ReplicaSetUpdated")
    assert at(71, starting) == ("False", "ProgressDeadlineExceeded")
    assert at(80, rs("n", 2, 1)) == ("True", "ReplicaSetUpdated")
    assert at(90, rs("n", 2, 2)) == ("True", "NewReplicaSetAvailable")
    assert at(999, rs("n", 2, 1)) == ("True", "NewReplicaSetAvailable")


def test_pausing_and_resuming_are_noted_once() -> None:
    deployment = deploy(1)
    deployment["spec"] |= {"progressDeadlineSeconds": 60, "paused": True}
    conditions = status.plan_pause_condition(deployment, START)
    assert conditions is not None
    deployment["status"] = {"conditions": conditions}
    assert progress(deployment) == ("Unknown", "DeploymentPaused")
    assert status.plan_pause_condition(deployment, START) is None
    deployment["spec"]["paused"] = False
    conditions = status.plan_pause_condition(deployment, START)
    assert progress({"status": {"conditions": conditions}}) == ("Unknown", "DeploymentResumed")


def test_a_failing_set_shows_on_its_deployment() -> None:
    failing = rs("n", 2, 0)
    failing["status"]["conditions"] = [
        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"}
    ]
    planned = status.plan_rollout_status(deploy(2), failing, [failing], START)
    assert (meta.get_condition(planned["conditions"], "ReplicaFailure") or {})["message"] == "quota"
    healthy = status.plan_rollout_status(deploy(2) | {"status": planned}, rs("n", 2), [rs("n", 2)], START)
    assert meta.get_condition(healthy["conditions"], "ReplicaFailure") is None
