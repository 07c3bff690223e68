"""Strategies: what the server decides, what clients cannot change, how things go away."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from steersman.api import defaults, kinds
from steersman.api.errors import Conflict, Invalid
from steersman.apiserver import registry
from steersman.apiserver.registry import Context, strategy_for
from steersman.apiserver.registry.core.pod import bind

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.api.types import Object


def context(resource: kinds.Resource, **parts: Any) -> Context:
    return Context(resource, namespace="ns", user="alice", groups=("devs",), now=0.0, **parts)


def created(resource: kinds.Resource, **parts: Any) -> Object:
    obj = {"metadata": {"name": "x", "uid": "u-1", **parts.pop("metadata", {})}, **copy.deepcopy(parts)}
    defaults.default(resource, obj)
    strategy_for(resource).prepare_for_create(context(resource), obj)
    return obj


def updated(
    resource: kinds.Resource, old: Object, change: Callable[[Object], object], subresource: str = ""
) -> Object:
    new = copy.deepcopy(old)
    change(new)
    strategy = strategy_for(resource).for_subresource(subresource)
    assert strategy is not None
    strategy.prepare_for_update(context(resource, subresource=subresource), new, old)
    return new


POD_SPEC = {"containers": [{"name": "c", "image": "x"}]}


def test_a_new_pod_is_pending_and_has_a_class() -> None:
    pod = created(kinds.PODS, spec=POD_SPEC, status={"phase": "Running"})
    assert pod["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert pod["metadata"]["generation"] == 1


def test_a_gated_pod_says_so() -> None:
    pod = created(kinds.PODS, spec={**POD_SPEC, "schedulingGates": [{"name": "g"}]})
    assert pod["status"]["conditions"][0]["reason"] == "SchedulingGated"


@pytest.mark.parametrize(
    ("node", "phase", "requested", "seconds"),
    [
        ("", "Pending", None, 0),
        ("n", "Running", None, 30),
        ("n", "Running", 5, 5),
        ("n", "Succeeded", None, 0),
        ("n", "Failed", 30, 0),
        ("n", "Running", 0, 0),
    ],
)
def test_grace_of_a_pod(node: str, phase: str, requested: int | None, seconds: int) -> None:
    pod = created(kinds.PODS, spec={**POD_SPEC, "nodeName": node})
    pod["status"]["phase"] = phase
    strategy = strategy_for(kinds.PODS)
    assert strategy.graceful_seconds(context(kinds.PODS), pod, requested) == seconds


def test_other_kinds_know_no_grace() -> None:
    assert strategy_for(kinds.CONFIG_MAPS).graceful_seconds(context(kinds.CONFIG_MAPS), {}, 30) is None


def test_binding_assigns_a_pod_once() -> None:
    strategy, pod = strategy_for(kinds.PODS), created(kinds.PODS, spec=POD_SPEC)
    bind(strategy, pod, {"target": {"kind": "Node", "name": "n"}}, now=0)
    assert pod["spec"]["nodeName"] == "n"
    assert pod["status"]["conditions"][0]["type"] == "PodScheduled"
    with pytest.raises(Conflict, match='already assigned to node "n"'):
        bind(strategy, pod, {"target": {"name": "m"}}, now=0)
    with pytest.raises(Invalid, match=r"target\.name: Required value"):
        bind(strategy, created(kinds.PODS, spec=POD_SPEC), {}, now=0)


def test_a_status_write_changes_nothing_else() -> None:
    old = created(kinds.PODS, spec=POD_SPEC)

    def change(pod: Object) -> None:
        pod["spec"]["nodeName"] = "n"
        pod["status"] = {"phase": "Running", "podIP": "10.0.0.1"}

    new = updated(kinds.PODS, old, change, "status")
    assert new["spec"] == old["spec"]
    assert new["status"]["podIPs"] == [{"ip": "10.0.0.1"}]
    assert new["status"]["qosClass"] == "BestEffort"


def test_a_main_write_does_not_change_the_status() -> None:
    old = created(kinds.PODS, spec=POD_SPEC)
    assert updated(kinds.PODS, old, lambda pod: pod.update(status={}))["status"] == old["status"]


@pytest.mark.parametrize(
    ("change", "generation"),
    [
        (lambda d: d["spec"].update(replicas=5), 2),
        (lambda d: d["metadata"].update(labels={"a": "b"}), 1),
        (lambda d: d["metadata"].update(annotations={"a": "b"}), 2),
        (lambda d: d["status"].update(replicas=5), 1),
    ],
    ids=["spec", "labels", "annotations", "status"],
)
def test_the_generation_of_a_deployment(change: Callable[[Object], object], generation: int) -> None:
    old = created(kinds.DEPLOYMENTS, spec={"template": {"spec": POD_SPEC}})
    assert updated(kinds.DEPLOYMENTS, old, change)["metadata"]["generation"] == generation


def test_a_debug_container_is_all_that_changes() -> None:
    old = created(kinds.PODS, spec=POD_SPEC)

    def change(pod: Object) -> None:
        pod["spec"]["ephemeralContainers"] = [{"name": "d", "image": "x"}]
        pod["spec"]["containers"][0]["image"] = "y"

    new = updated(kinds.PODS, old, change, "ephemeralcontainers")
    assert new["spec"]["containers"][0]["image"] == "x"
    assert new["spec"]["ephemeralContainers"][0]["name"] == "d"


def test_a_namespace_goes_in_two_steps() -> None:
    strategy = strategy_for(kinds.NAMESPACES)
    space = created(kinds.NAMESPACES)
    strategy.canonicalize(space)
    assert space["spec"]["finalizers"] == ["kubernetes"]
    assert space["status"] == {"phase": "Active"}
    assert space["metadata"]["labels"] == {"kubernetes.io/metadata.name": "x"}
    strategy.prepare_for_delete(context(kinds.NAMESPACES), space)
    assert space["status"]["phase"] == "Terminating"
    assert strategy.deletion_blocked(space)
    done = updated(kinds.NAMESPACES, space, lambda s: s.update(spec={"finalizers": []}), "finalize")
    assert not strategy.deletion_blocked(done)
    kept = updated(kinds.NAMESPACES, space, lambda s: s.update(spec={}))
    assert strategy.deletion_blocked(kept)


def test_a_node_registers_with_its_status() -> None:
    node = created(kinds.NODES, status={"capacity": {"cpu": "2"}}, spec={"podCIDR": "10.0.0.0/24"})
    assert node["status"]["capacity"] == {"cpu": "2"}
    assert node["spec"]["podCIDRs"] == ["10.0.0.0/24"]


def test_a_job_selects_its_own_pods() -> None:
    spec = created(kinds.JOBS, spec={"template": {"spec": POD_SPEC}})["spec"]
    assert spec["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "u-1"}}
    assert spec["template"]["metadata"]["labels"] == {
        "controller-uid": "u-1",
        "job-name": "x",
        "batch.kubernetes.io/controller-uid": "u-1",
        "batch.kubernetes.io/job-name": "x",
    }


def test_a_request_is_signed_for_who_asks() -> None:
    request = created(
        kinds.CERTIFICATE_SIGNING_REQUESTS, spec={"username": "root", "groups": ["system:masters"]}
    )
    assert request["spec"] == {"username": "alice", "groups": ["devs"]}


@pytest.mark.parametrize("resource", kinds.RESOURCES, ids=str)
@pytest.mark.parametrize(
    "body",
    [{}, {"spec": None, "status": None}, {"spec": {"template": {"spec": POD_SPEC}}}],
    ids=["nothing", "nulls", "a template"],
)
def test_every_kind_has_a_strategy_that_copes_with_little(resource: kinds.Resource, body: Object) -> None:
    strategy = strategy_for(resource)
    obj = created(resource, **body)
    assert strategy.selectable_fields(obj).keys() <= {*strategy.field_names, "metadata.namespace"}
    assert updated(resource, obj, lambda o: None)["metadata"].get("generation") in (None, 1)
    assert all(value for value in strategy.field_names)


def test_the_example_of_the_readme_runs() -> None:
    readme = Path(registry.__file__).with_name("README.md").read_text()
    code = readme.partition("```python\n")[2].partition("```")[0]
    assert code
    exec(compile(code, "README.md", "exec"), {})
