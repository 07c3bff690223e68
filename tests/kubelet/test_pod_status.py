"""Status of pods: phases, conditions, container states, and the patches that carry them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from steersman.kubelet.cri.observed import Container, PodRuntime, Sandbox
from steersman.kubelet.status.facts import Facts, Waiting
from steersman.kubelet.status.pod import pod_status
from steersman.kubelet.status.writer import difference

NOW = 1_800_000_000.0
READY = Sandbox("s0", ready=True, attempt=0, created=1, ips=("10.0.0.2",))


def pod(status: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    body = {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Always", **fields}
    meta = {"name": "p", "namespace": "ns", "uid": "u", "generation": 3}
    return {"metadata": meta, "spec": body, "status": status or {}}


def container(name: str = "c", state: Any = "running", code: int = 0, attempt: int = 0) -> Container:
    ended = 20.0 if state == "exited" else 0.0
    return Container(
        f"{name}-{attempt}", name, attempt, "s0", state, 10.0 + attempt, 11.0, ended, code, image="i:1"
    )


def runtime(*containers: Container, sandbox: Sandbox | None = READY) -> PodRuntime:
    return PodRuntime("u", "p", "ns", (sandbox,) if sandbox else (), containers)


def condition(status: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(c for c in status["conditions"] if c["type"] == kind)


INIT = {"name": "i", "image": "i"}
SIDECAR = {**INIT, "restartPolicy": "Always"}


@pytest.mark.parametrize(
    ("body", "observed", "facts", "phase"),
    [
        pytest.param({}, runtime(), Facts(), "Pending", id="not started"),
        pytest.param({}, runtime(container()), Facts(), "Running", id="running"),
        pytest.param({"initContainers": [INIT]}, runtime(container("i")), Facts(), "Pending", id="init runs"),
        pytest.param(
            {"initContainers": [SIDECAR]},
            runtime(container("i"), container()),
            Facts(started=frozenset({"i-0", "c-0"})),
            "Running",
            id="with a sidecar",
        ),
        pytest.param(
            {},
            runtime(container(state="exited", code=1)),
            Facts(waiting={"c": Waiting("CrashLoopBackOff")}),
            "Running",
            id="between crashes",
        ),
        pytest.param(
            {"restartPolicy": "Never"}, runtime(container(state="exited")), Facts(), "Succeeded", id="done"
        ),
        pytest.param(
            {"restartPolicy": "Never"},
            runtime(container(state="exited", code=1)),
            Facts(),
            "Failed",
            id="failed",
        ),
        pytest.param(
            {"restartPolicy": "Never", "initContainers": [INIT]},
            runtime(container("i", "exited", 1)),
            Facts(),
            "Failed",
            id="init failed",
        ),
        pytest.param(
            {},
            runtime(container(state="exited")),
            Facts(terminal=True),
            "Succeeded",
            id="deleted, ended well",
        ),
        pytest.param(
            {},
            runtime(container(state="exited", code=137)),
            Facts(terminal=True),
            "Failed",
            id="deleted, killed",
        ),
        pytest.param({}, runtime(container()), Facts(reason="Evicted"), "Failed", id="evicted"),
    ],
)
def test_phase(body: dict[str, Any], observed: PodRuntime, facts: Facts, phase: str) -> None:
    assert pod_status(pod(**body), observed, facts, NOW)["phase"] == phase


def test_a_running_pod_is_ready_when_its_containers_are() -> None:
    facts = Facts(started=frozenset({"c-0"}), host_ips=("192.0.2.1",))
    status = pod_status(pod(), runtime(container()), facts, NOW)
    assert condition(status, "Ready")["status"] == "True"
    assert condition(status, "Ready")["observedGeneration"] == 3
    assert (status["podIP"], status["hostIP"]) == ("10.0.0.2", "192.0.2.1")
    assert status["containerStatuses"][0]["containerID"] == "containerd://c-0"
    unready = Facts(started=frozenset({"c-0"}), unready=frozenset({"c-0"}))
    status = pod_status(pod(), runtime(container()), unready, NOW)
    assert condition(status, "ContainersReady")["message"] == "containers with unready status: [c]"


def test_a_readiness_gate_holds_the_pod_back() -> None:
    facts = Facts(started=frozenset({"c-0"}))
    gated = pod(readinessGates=[{"conditionType": "lb"}])
    missing = condition(pod_status(gated, runtime(container()), facts, NOW), "Ready")
    assert missing["reason"] == "ReadinessGatesNotReady"
    gated["status"] = {"conditions": [{"type": "lb", "status": "True"}]}
    passed = pod_status(gated, runtime(container()), facts, NOW)
    assert condition(passed, "Ready")["status"] == "True"
    assert condition(passed, "lb") == {"type": "lb", "status": "True"}


def test_init_containers_are_named_until_they_are_done() -> None:
    status = pod_status(pod(initContainers=[INIT]), runtime(container("i")), Facts(), NOW)
    found = condition(status, "Initialized")
    assert (found["reason"], found["message"]) == (
        "ContainersNotInitialized",
        "containers with incomplete status: [i]",
    )
    assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}


def test_the_transition_time_stays_while_the_status_does() -> None:
    first = pod_status(pod(), runtime(), Facts(), NOW)
    later = pod_status(pod(first), runtime(), Facts(), NOW + 100)
    assert condition(later, "Ready") == condition(first, "Ready")
    running = pod_status(pod(first), runtime(container()), Facts(started=frozenset({"c-0"})), NOW + 100)
    assert (
        condition(running, "Ready")["lastTransitionTime"] != condition(first, "Ready")["lastTransitionTime"]
    )


def test_a_crash_shows_the_back_off_and_the_last_end() -> None:
    facts = Facts(waiting={"c": Waiting("CrashLoopBackOff", "back-off 10s")}, messages={"c-1": "boom"})
    observed = runtime(container(state="exited", code=2, attempt=1), container(state="exited", code=1))
    status = pod_status(pod(), observed, facts, NOW)["containerStatuses"][0]
    assert status["state"]["waiting"] == {"reason": "CrashLoopBackOff", "message": "back-off 10s"}
    assert status["lastState"]["terminated"]["exitCode"] == 2
    assert status["lastState"]["terminated"]["message"] == "boom"
    assert status["restartCount"] == 1


def test_only_what_changed_is_patched() -> None:
    present = pod_status(pod(), runtime(), Facts(), NOW)
    assert difference(present, present) == {}
    wanted = pod_status(pod(present), runtime(container()), Facts(started=frozenset({"c-0"})), NOW + 5)
    changes = difference(present, wanted)
    assert set(changes) == {"phase", "containerStatuses", "conditions"}
    ready = next(c for c in changes["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["reason"], ready["message"]) == ("True", None, None)
    assert {c["type"] for c in changes["conditions"]} == {"Ready", "ContainersReady"}


def test_lists_that_would_be_merged_are_replaced() -> None:
    changes = difference({"podIPs": [{"ip": "10.0.0.1"}]}, {"podIPs": [{"ip": "10.0.0.2"}]})
    assert changes == {"podIPs": [{"ip": "10.0.0.2"}, {"$patch": "replace"}]}


def test_a_finished_pod_stays_as_it_was_when_the_runtime_has_forgotten_it() -> None:
    ended = pod_status(pod(restartPolicy="Never"), runtime(container(state="exited")), Facts(), NOW)
    later = pod_status(pod(ended, restartPolicy="Never"), PodRuntime("u"), Facts(), NOW + 9)
    assert later["phase"] == "Succeeded"
    assert later["containerStatuses"][0]["state"] == ended["containerStatuses"][0]["state"]


def test_a_container_that_never_started_began_with_the_epoch() -> None:
    failed = replace(container(state="exited", code=128), started=0.0, reason="StartError")
    status = pod_status(pod(restartPolicy="Never"), runtime(failed), Facts(), NOW)
    ended = status["containerStatuses"][0]["state"]["terminated"]
    assert (ended["reason"], ended["startedAt"]) == ("StartError", "1970-01-01T00:00:00Z")
