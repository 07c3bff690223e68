"""The pod planner, as a table of situations."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.kubelet.cri.observed import Container, PodRuntime, Sandbox
from steersman.kubelet.pods import spec
from steersman.kubelet.pods.plan import Memory, Restart, plan_pod

NOW = 1000.0
SANDBOX = Sandbox("s0", ready=True, attempt=0, created=1, ips=("10.0.0.2",))


def pod(**fields: Any) -> dict[str, Any]:
    body = {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Always", **fields}
    return {"metadata": {"name": "p", "namespace": "ns", "uid": "u"}, "spec": body}


def container(name: str = "c", state: Any = "running", code: int = 0, **fields: Any) -> Container:
    facts = {"attempt": 0, "sandbox": "s0", "created": 10.0, "started": 11.0, **fields}
    finished = 900.0 if state == "exited" else 0.0
    return Container(
        id=f"{name}-{facts['attempt']}", name=name, state=state, exit_code=code, finished=finished, **facts
    )


def runtime(*containers: Container, sandbox: Sandbox | None = SANDBOX) -> PodRuntime:
    return PodRuntime("u", "p", "ns", (sandbox,) if sandbox else (), containers)


INIT = {"name": "i", "image": "i"}
SIDECAR = {"name": "s", "image": "i", "restartPolicy": "Always"}


def starts(planned: Any) -> list[tuple[str, int]]:
    return [(start.container["name"], start.attempt) for start in planned.starts]


@pytest.mark.parametrize(
    ("body", "observed", "memory", "expected"),
    [
        pytest.param({}, runtime(sandbox=None), Memory(), [("c", 0)], id="a new pod starts its container"),
        pytest.param(
            {"initContainers": [INIT]}, runtime(sandbox=None), Memory(), [("i", 0)], id="init goes first"
        ),
        pytest.param(
            {"initContainers": [INIT]},
            runtime(container("i")),
            Memory(),
            [],
            id="a running init is waited for",
        ),
        pytest.param(
            {"initContainers": [INIT]},
            runtime(container("i", "exited")),
            Memory(),
            [("c", 0)],
            id="after init comes the container",
        ),
        pytest.param(
            {"initContainers": [INIT]},
            runtime(container("i", "exited", 1)),
            Memory(),
            [("i", 1)],
            id="a failed init is tried again",
        ),
        pytest.param(
            {"initContainers": [SIDECAR]},
            runtime(container("s")),
            Memory(),
            [],
            id="a sidecar holds back until it has started",
        ),
        pytest.param(
            {"initContainers": [SIDECAR]},
            runtime(container("s")),
            Memory(started=frozenset({"s-0"})),
            [("c", 0)],
            id="a started sidecar lets the container start",
        ),
        pytest.param(
            {"initContainers": [SIDECAR]},
            runtime(container("s", "exited"), container()),
            Memory(),
            [("s", 1)],
            id="a sidecar that ended is restarted beside the container",
        ),
        pytest.param({}, runtime(container()), Memory(), [], id="what runs is left alone"),
        pytest.param({}, runtime(container(state="exited")), Memory(), [("c", 1)], id="first crash at once"),
        pytest.param(
            {},
            runtime(container(state="exited")),
            Memory(restarts={"c": Restart(880.0, 300.0)}),
            [],
            id="a crash within the back-off waits",
        ),
        pytest.param(
            {},
            runtime(container(state="exited")),
            Memory(restarts={"c": Restart(100.0, 300.0)}),
            [("c", 1)],
            id="a crash after ten calm minutes counts as the first",
        ),
        pytest.param(
            {"restartPolicy": "OnFailure"},
            runtime(container(state="exited", code=2)),
            Memory(),
            [("c", 1)],
            id="OnFailure restarts a failure",
        ),
        pytest.param({}, runtime(sandbox=None), Memory(counts={"c": 4}), [("c", 5)], id="counts survive"),
    ],
)
def test_starts(body: dict[str, Any], observed: PodRuntime, memory: Memory, expected: list[Any]) -> None:
    assert starts(plan_pod(pod(**body), observed, memory, NOW)) == expected


@pytest.mark.parametrize(
    ("body", "observed"),
    [
        pytest.param(
            {"restartPolicy": "Never"}, runtime(container(state="exited", code=1)), id="Never, failed"
        ),
        pytest.param(
            {"restartPolicy": "OnFailure"}, runtime(container(state="exited")), id="OnFailure, succeeded"
        ),
        pytest.param(
            {"restartPolicy": "Never", "initContainers": [INIT]},
            runtime(container("i", "exited", 1)),
            id="Never, init failed",
        ),
        pytest.param(
            {"restartPolicy": "Never", "initContainers": [SIDECAR]},
            runtime(container("s"), container(state="exited")),
            id="a sidecar does not keep a finished pod alive",
        ),
    ],
)
def test_finished_pods_are_taken_down(body: dict[str, Any], observed: PodRuntime) -> None:
    planned = plan_pod(pod(**body), observed, Memory(), NOW)
    assert planned.finished
    assert planned.kill_pod
    assert not planned.starts


def test_backoff_doubles_up_to_five_minutes() -> None:
    delays = []
    known: dict[str, Restart] = {}
    now = NOW
    for _ in range(7):
        ended = container(state="exited")
        planned = plan_pod(pod(), runtime(ended), Memory(restarts=known), now + 900)
        restart = planned.starts[0].restart
        assert restart is not None
        known = {"c": Restart(ended.finished - 1, restart.delay)}
        delays.append(restart.delay)
    assert delays == [10, 20, 40, 80, 160, 300, 300]


def test_a_held_back_container_says_when_it_may_start() -> None:
    planned = plan_pod(
        pod(), runtime(container(state="exited")), Memory(restarts={"c": Restart(880.0, 160.0)}), NOW
    )
    assert planned.wake == 900.0 + 160.0
    assert planned.backoff == {"c": 160.0}


def test_a_lost_sandbox_is_replaced_and_init_runs_again() -> None:
    lost = Sandbox("s0", ready=False, attempt=2, created=1)
    planned = plan_pod(
        pod(initContainers=[INIT]),
        runtime(container("i", "exited"), container(state="exited", code=137), sandbox=lost),
        Memory(),
        NOW,
    )
    assert planned.kill_pod
    assert planned.sandbox_attempt == 3
    assert starts(planned) == [("i", 1)]


@pytest.mark.parametrize(
    ("changes", "memory", "message"),
    [
        pytest.param(
            {"hash": "old"}, Memory(), "Container c definition changed, will be restarted", id="spec"
        ),
        pytest.param(
            {},
            Memory(unhealthy={"c-0": "liveness"}),
            "Container c failed liveness probe, will be restarted",
            id="liveness",
        ),
    ],
)
def test_kills(changes: dict[str, Any], memory: Memory, message: str) -> None:
    planned = plan_pod(pod(), runtime(container(**changes)), memory, NOW)
    assert [kill.message for kill in planned.kills] == [message]


def test_the_hash_of_an_adopted_container_leaves_it_alone() -> None:
    body = pod()
    same = spec.container_hash(body["spec"]["containers"][0])
    assert not plan_pod(body, runtime(container(hash=same)), Memory(), NOW).kills
