"""Printed tables: the words people read first when something is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from steersman.api import kinds, tables, times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.api.types import Object

NOW = times.parse_time("2026-01-02T12:00:00Z")


def cells(resource: kinds.Resource, obj: Object) -> dict[str, Any]:
    """Return column name to cell."""
    names = [column["name"] for column in tables.columns(resource)]
    values = tables.row(resource, obj, NOW)
    assert len(names) == len(values)
    return dict(zip(names, values, strict=True))


def pod(
    status: Object, *, init: Sequence[str] = (), containers: Sequence[str] = ("c",), **metadata: Any
) -> Object:
    return {
        "metadata": {"name": "p", "creationTimestamp": "2026-01-02T11:55:00Z", **metadata},
        "spec": {
            "containers": [{"name": name} for name in containers],
            "initContainers": [
                {"name": name.lstrip("+"), "restartPolicy": "Always"} if name[0] == "+" else {"name": name}
                for name in init
            ],
        },
        "status": status,
    }


def container(
    name: str = "c", ready: bool = False, restarts: int = 0, last: str | None = None, **state: Any
) -> Object:
    last_state = {"terminated": {"finishedAt": last}} if last else {}
    return {"name": name, "ready": ready, "restartCount": restarts, "state": state, "lastState": last_state}


RUNNING: Object = {"running": {"startedAt": "2026-01-02T11:55:10Z"}}


@pytest.mark.parametrize(
    ("given", "ready", "status", "restarts"),
    [
        pytest.param(pod({"phase": "Pending"}), "0/1", "Pending", "0", id="not scheduled yet"),
        pytest.param(
            pod(
                {
                    "phase": "Pending",
                    "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}],
                }
            ),
            "0/1",
            "SchedulingGated",
            "0",
            id="held by a gate",
        ),
        pytest.param(
            pod({"phase": "Running", "containerStatuses": [container(ready=True, **RUNNING)]}),
            "1/1",
            "Running",
            "0",
            id="running and ready",
        ),
        pytest.param(
            pod(
                {
                    "phase": "Running",
                    "containerStatuses": [
                        container(
                            restarts=3, last="2026-01-02T11:55:00Z", waiting={"reason": "CrashLoopBackOff"}
                        )
                    ],
                }
            ),
            "0/1",
            "CrashLoopBackOff",
            "3 (5m ago)",
            id="crashing again and again",
        ),
        pytest.param(
            pod(
                {
                    "phase": "Succeeded",
                    "containerStatuses": [container(terminated={"exitCode": 0, "reason": "Completed"})],
                }
            ),
            "0/1",
            "Completed",
            "0",
            id="ran to its end",
        ),
        pytest.param(
            pod({"phase": "Failed", "containerStatuses": [container(terminated={"exitCode": 3})]}),
            "0/1",
            "ExitCode:3",
            "0",
            id="failed without a reason",
        ),
        pytest.param(
            pod({"phase": "Pending", "initContainerStatuses": [container("i", **RUNNING)]}, init=("i", "j")),
            "0/1",
            "Init:0/2",
            "0",
            id="first init container at work",
        ),
        pytest.param(
            pod(
                {
                    "phase": "Pending",
                    "initContainerStatuses": [container("i", terminated={"exitCode": 1, "reason": "Error"})],
                },
                init=("i",),
            ),
            "0/1",
            "Init:Error",
            "0",
            id="init container failed",
        ),
        pytest.param(
            pod(
                {
                    "phase": "Pending",
                    "initContainerStatuses": [container("i", terminated={"exitCode": 0})],
                    "containerStatuses": [container(waiting={"reason": "PodInitializing"})],
                },
                init=("i",),
            ),
            "0/1",
            "PodInitializing",
            "0",
            id="init containers done",
        ),
        pytest.param(
            pod(
                {
                    "phase": "Running",
                    "initContainerStatuses": [container("s", ready=True, **RUNNING) | {"started": True}],
                    "containerStatuses": [container(ready=True, **RUNNING)],
                },
                init=("+s",),
            ),
            "2/2",
            "Running",
            "0",
            id="a sidecar counts as a container",
        ),
        pytest.param(
            pod(
                {
                    "phase": "Running",
                    "conditions": [{"type": "Ready", "status": "False"}],
                    "containerStatuses": [
                        container("c", terminated={"exitCode": 0, "reason": "Completed"}),
                        container("d", ready=True, **RUNNING),
                    ],
                },
                containers=("c", "d"),
            ),
            "1/2",
            "NotReady",
            "0",
            id="one of two containers has ended",
        ),
        pytest.param(
            pod(
                {"phase": "Running", "containerStatuses": [container(ready=True, **RUNNING)]},
                deletionTimestamp="2026-01-02T11:59:00Z",
            ),
            "1/1",
            "Terminating",
            "0",
            id="being deleted",
        ),
        pytest.param(
            pod({"phase": "Failed", "reason": "Evicted"}), "0/1", "Evicted", "0", id="evicted by its node"
        ),
    ],
)
def test_a_pod(given: Object, ready: str, status: str, restarts: str) -> None:
    shown = cells(kinds.PODS, given)
    assert (shown["Ready"], shown["Status"], shown["Restarts"]) == (ready, status, restarts)
    assert shown["Age"] == "5m"


@pytest.mark.parametrize(
    ("spec", "status", "external", "ports"),
    [
        ({"type": "ClusterIP", "ports": [{"port": 80, "protocol": "TCP"}]}, {}, "<none>", "80/TCP"),
        (
            {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}]},
            {},
            "<none>",
            "80:30080/TCP",
        ),
        ({"type": "LoadBalancer"}, {}, "<pending>", "<none>"),
        (
            {"type": "LoadBalancer"},
            {"loadBalancer": {"ingress": [{"ip": "192.168.100.100"}, {"ip": "192.168.100.101"}]}},
            "192.168.100.1...",
            "<none>",
        ),
        ({"type": "ExternalName", "externalName": "example.com"}, {}, "example.com", "<none>"),
    ],
)
def test_a_service(spec: Object, status: Object, external: str, ports: str) -> None:
    shown = cells(kinds.SERVICES, {"metadata": {"name": "s"}, "spec": spec, "status": status})
    assert (shown["External-IP"], shown["Port(s)"]) == (external, ports)


def test_a_cordoned_node_with_roles() -> None:
    node = {
        "metadata": {"name": "n", "labels": {"node-role.kubernetes.io/control-plane": ""}},
        "spec": {"unschedulable": True},
        "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1"}},
    }
    shown = cells(kinds.NODES, node)
    assert shown["Status"] == "Ready,SchedulingDisabled"
    assert shown["Roles"] == "control-plane"
    assert shown["OS-Image"] == "<unknown>"


def test_endpoints_beyond_three_are_counted() -> None:
    subset = {"addresses": [{"ip": f"10.0.0.{n}"} for n in range(5)], "ports": [{"port": 80}]}
    shown = cells(kinds.ENDPOINTS, {"metadata": {"name": "e"}, "subsets": [subset]})
    assert shown["Endpoints"] == "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 2 more..."


def test_an_event() -> None:
    event = {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "name": "p"},
        "reason": "Started",
        "message": "Started container\n",
        "lastTimestamp": "2026-01-02T11:59:30Z",
        "source": {"component": "kubelet", "host": "n"},
    }
    shown = cells(kinds.EVENTS, event)
    assert (shown["Last Seen"], shown["Object"], shown["Message"]) == ("30s", "pod/p", "Started container")
    assert (shown["Source"], shown["Count"]) == ("kubelet, n", 1)


@pytest.mark.parametrize("resource", kinds.SERVED, ids=str)
def test_every_kind_prints_an_empty_object(resource: kinds.Resource) -> None:
    assert cells(resource, {"metadata": {"name": "x"}})


@pytest.mark.parametrize(
    ("conditions", "state"),
    [([], "Running"), ([("Suspended", "True")], "Suspended"), ([("Complete", "True")], "Complete")],
)
def test_a_job(conditions: list[tuple[str, str]], state: str) -> None:
    job = {
        "metadata": {"name": "j"},
        "spec": {"completions": 3},
        "status": {
            "succeeded": 1,
            "startTime": "2026-01-02T11:59:00Z",
            "conditions": [{"type": type_, "status": status} for type_, status in conditions],
        },
    }
    shown = cells(kinds.JOBS, job)
    assert (shown["Status"], shown["Completions"], shown["Duration"]) == (state, "1/3", "60s")
