"""Strategic merge patch: the documented examples of every directive, on real schemas."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.api import kinds
from steersman.api.errors import BadRequest
from steersman.api.patch import strategic
from steersman.api.schema import schema_for
from steersman.api.types import copied

PODS = schema_for(kinds.PODS)
DEPLOYMENTS = schema_for(kinds.DEPLOYMENTS)
SERVICES = schema_for(kinds.SERVICES)
NODES = schema_for(kinds.NODES)


def pod(*containers: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"metadata": metadata, "spec": {"containers": list(containers)}}


def names(obj: dict[str, Any]) -> list[str]:
    return [item["name"] for item in obj["spec"]["containers"]]


NGINX = {"name": "nginx", "image": "nginx:1.0"}
LOG = {"name": "log", "image": "log:1"}


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        pytest.param([{"name": "log", "image": "log:1"}], [NGINX, LOG], id="a new element is added"),
        pytest.param(
            [{"name": "nginx", "image": "n:2"}], [{"name": "nginx", "image": "n:2"}], id="merged by its key"
        ),
        pytest.param([{"name": "nginx", "$patch": "delete"}], [], id="an element deletes itself"),
        pytest.param([LOG, {"$patch": "replace"}], [LOG], id="the list is replaced"),
        pytest.param(
            [{"name": "nginx", "image": None}], [{"name": "nginx"}], id="null drops a member of an element"
        ),
    ],
)
def test_containers(patch: Any, expected: Any) -> None:
    result = strategic.apply(pod(NGINX), {"spec": {"containers": patch}}, PODS)
    assert sorted(result["spec"]["containers"], key=str) == sorted(expected, key=str)


def test_a_list_without_the_merge_strategy_is_replaced() -> None:
    doc = pod({"name": "c", "args": ["a", "b"]})
    result = strategic.apply(doc, {"spec": {"containers": [{"name": "c", "args": ["x"]}]}}, PODS)
    assert result["spec"]["containers"][0]["args"] == ["x"]


def test_plain_values_merge_as_a_set() -> None:
    doc = {"metadata": {"finalizers": ["a", "b"]}}
    assert strategic.apply(doc, {"metadata": {"finalizers": ["b", "c"]}}, PODS)["metadata"]["finalizers"] == [
        "a",
        "b",
        "c",
    ]


def test_plain_values_are_deleted_by_directive() -> None:
    doc = {"metadata": {"finalizers": ["a", "b", "c"]}}
    patch = {
        "metadata": {"$deleteFromPrimitiveList/finalizers": ["b"], "$setElementOrder/finalizers": ["c", "a"]}
    }
    assert strategic.apply(doc, patch, PODS)["metadata"]["finalizers"] == ["c", "a"]


def test_the_whole_object_can_be_replaced() -> None:
    doc = {"metadata": {"labels": {"a": "1"}}, "spec": {"nodeName": "n"}}
    patch = {"metadata": {"labels": {"b": "2", "$patch": "replace"}}}
    assert strategic.apply(doc, patch, PODS)["metadata"]["labels"] == {"b": "2"}


def test_retain_keys_drops_the_rest() -> None:
    doc = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert strategic.apply(doc, patch, DEPLOYMENTS) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_a_volume_changes_its_source_by_retain_keys() -> None:
    doc = {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}
    patch = {
        "spec": {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]}
    }
    assert strategic.apply(doc, patch, PODS)["spec"]["volumes"] == [{"name": "v", "hostPath": {"path": "/x"}}]


def test_set_element_order_orders_and_keeps_what_only_the_server_has() -> None:
    doc = pod({"name": "a"}, {"name": "server"}, {"name": "b"})
    patch = {
        "spec": {
            "$setElementOrder/containers": [{"name": "b"}, {"name": "new"}, {"name": "a"}],
            "containers": [{"name": "new", "image": "x"}],
        }
    }
    result = strategic.apply(doc, patch, PODS)
    assert [name for name in names(result) if name != "server"] == ["b", "new", "a"]
    assert "server" in names(result)


def test_ports_merge_by_their_port() -> None:
    doc = {"spec": {"ports": [{"port": 80, "name": "http"}, {"port": 443, "name": "https"}]}}
    patch = {"spec": {"ports": [{"port": 443, "targetPort": 8443}]}}
    ports = strategic.apply(doc, patch, SERVICES)["spec"]["ports"]
    assert sorted(ports, key=lambda port: port["port"]) == [
        {"port": 80, "name": "http"},
        {"port": 443, "name": "https", "targetPort": 8443},
    ]


def test_conditions_of_a_status_merge_by_type() -> None:
    doc = {
        "status": {"conditions": [{"type": "Ready", "status": "False"}, {"type": "Disk", "status": "True"}]}
    }
    patch: dict[str, Any] = {"status": {"$setElementOrder/conditions": [{"type": "Ready"}, {"type": "Disk"}]}}
    patch["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    conditions = strategic.apply(doc, patch, NODES)["status"]["conditions"]
    assert conditions == [{"type": "Ready", "status": "True"}, {"type": "Disk", "status": "True"}]


def test_nothing_new_carries_directives_or_nulls() -> None:
    patch = {"spec": {"containers": [{"name": "x", "image": None}, {"name": "y", "$patch": "delete"}]}}
    assert strategic.apply({}, patch, PODS) == {"spec": {"containers": [{"name": "x"}]}}


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param({"spec": {"containers": [{"image": "x"}]}}, id="an element without its merge key"),
        pytest.param({"spec": {"$patch": "frobnicate"}}, id="an unknown directive"),
        pytest.param(
            {"spec": {"$setElementOrder/containers": [{"name": "b"}], "containers": [{"name": "a"}]}},
            id="an element missing from the order",
        ),
        pytest.param({"spec": {"$retainKeys": ["a"], "nodeName": "x"}}, id="a key that is not retained"),
        pytest.param([], id="no object"),
    ],
)
def test_refused(patch: Any) -> None:
    with pytest.raises(BadRequest):
        strategic.apply(pod(NGINX), patch, PODS)


def test_arguments_stay_as_they_are() -> None:
    doc, patch = (
        pod(NGINX, LOG),
        {"spec": {"containers": [{"name": "log", "env": [{"name": "A", "value": "b"}]}]}},
    )
    before = copied([doc, patch])
    result = strategic.apply(doc, patch, PODS)
    result["spec"]["containers"][0]["image"] = result["spec"]["containers"][1]["env"] = "spoilt"
    assert [doc, patch] == before
