"""Server-side apply: ownership, conflicts, force, shared and removed fields, on real schemas."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steersman.api import kinds
from steersman.api.errors import BadRequest, Conflict
from steersman.api.patch.apply import apply, track
from steersman.api.schema import decode, schema_for
from steersman.api.types import copied

DEPLOYMENTS = schema_for(kinds.DEPLOYMENTS)
CONFIG_MAPS = schema_for(kinds.CONFIG_MAPS)
SERVICES = schema_for(kinds.SERVICES)


def config_map(data: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "d", **metadata}}
    return obj | ({"data": data} if data is not None else {})


def deployment(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": list(containers)}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "d"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec},
    }


def put(live: Any, config: Any, manager: str = "one", now: float = 0.0, **options: Any) -> dict[str, Any]:
    schema = DEPLOYMENTS if config["kind"] == "Deployment" else CONFIG_MAPS
    return apply(live, config, schema, manager, config["apiVersion"], now, **options)


def updated(live: dict[str, Any], manager: str, **data: Any) -> dict[str, Any]:
    new = copied(live)
    new["data"] = {**new.get("data", {}), **data}
    track(live, new, CONFIG_MAPS, manager, "v1", 1.0)
    return new


def owned(obj: dict[str, Any]) -> dict[str, Any]:
    """Manager -> what it owns."""
    return {entry["manager"]: entry["fieldsV1"] for entry in obj["metadata"].get("managedFields", [])}


def test_the_first_apply_creates_and_owns_what_it_states() -> None:
    live = put(None, config_map({"a": "1"}, labels={"x": "y"}))
    assert live["data"] == {"a": "1"}
    assert live["metadata"]["managedFields"] == [
        {
            "manager": "one",
            "operation": "Apply",
            "apiVersion": "v1",
            "time": "1970-01-01T00:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:metadata": {"f:labels": {"f:x": {}}}, "f:data": {"f:a": {}}},
        }
    ]


def test_fields_no_longer_stated_are_removed() -> None:
    live = put(put(None, config_map({"a": "1", "b": "2"})), config_map({"a": "1"}))
    assert live["data"] == {"a": "1"}
    assert owned(live) == {"one": {"f:data": {"f:a": {}}}}


def test_the_last_field_takes_its_map_with_it() -> None:
    assert "data" not in put(put(None, config_map({"a": "1"})), config_map())


def test_fields_of_others_stay() -> None:
    live = updated(put(None, config_map({"a": "1"})), "editor", b="2")
    assert put(live, config_map({"a": "3"}))["data"] == {"a": "3", "b": "2"}


def test_equal_values_are_owned_together_and_stay_until_the_last_owner_leaves() -> None:
    live = put(put(None, config_map({"a": "1"})), config_map({"a": "1"}), "two")
    assert owned(live) == {"one": {"f:data": {"f:a": {}}}, "two": {"f:data": {"f:a": {}}}}
    live = put(live, config_map())
    assert live["data"] == {"a": "1"}
    assert owned(live) == {"two": {"f:data": {"f:a": {}}}}


def test_a_different_value_of_an_owned_field_is_a_conflict() -> None:
    live = updated(put(None, config_map({"a": "1"})), "editor", a="2")
    with pytest.raises(Conflict) as caught:
        put(live, config_map({"a": "1"}))
    assert caught.value.message == 'Apply failed with 1 conflict: conflict with "editor" using v1: .data.a'
    assert caught.value.details == {
        "causes": [
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "editor" using v1',
                "field": ".data.a",
            }
        ]
    }


def test_several_conflicts_are_listed_by_manager() -> None:
    live = put(put(None, config_map({"a": "1"}), "one"), config_map({"b": "1"}), "two")
    with pytest.raises(Conflict) as caught:
        put(live, config_map({"a": "2", "b": "2"}), "three")
    assert caught.value.message == (
        'Apply failed with 2 conflicts: conflicts with "one":\n- .data.a\nconflicts with "two":\n- .data.b'
    )


def test_force_takes_the_field() -> None:
    live = updated(put(None, config_map({"a": "1"})), "editor", a="2")
    live = put(live, config_map({"a": "1"}), force=True)
    assert live["data"] == {"a": "1"}
    assert owned(live) == {"one": {"f:data": {"f:a": {}}}}


def test_nothing_new_changes_nothing_not_even_times() -> None:
    live = put(None, config_map({"a": "1"}), now=0.0)
    assert put(live, config_map({"a": "1"}), now=99.0) == live


def test_what_was_there_before_belongs_to_before_first_apply() -> None:
    live = config_map({"a": "1"})
    with pytest.raises(Conflict, match="before-first-apply"):
        put(live, config_map({"a": "2"}))
    assert set(owned(put(live, config_map({"a": "1"})))) == {"before-first-apply", "one"}


def test_kubectl_does_not_conflict_with_its_own_client_side_apply() -> None:
    last = orjson.dumps(config_map({"a": "1"})).decode()
    live = config_map({"a": "1"}, annotations={"kubectl.kubernetes.io/last-applied-configuration": last})
    track(None, live, CONFIG_MAPS, "kubectl-client-side-apply", "v1", 0.0)
    assert put(live, config_map({"a": "2"}), "kubectl")["data"] == {"a": "2"}


def test_list_elements_are_owned_by_their_key() -> None:
    first = {"name": "a", "image": "i:1", "ports": [{"containerPort": 80}]}
    live = put(None, deployment(first, replicas=3))
    live = put(live, deployment(first, {"name": "side", "image": "s"}), "two")
    containers = live["spec"]["template"]["spec"]["containers"]
    assert [item["name"] for item in containers] == ["a", "side"]
    ports = owned(live)["one"]["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"a"}']["f:ports"]
    assert list(ports) == ['k:{"containerPort":80,"protocol":"TCP"}']
    live = put(live, deployment(first), "two")
    assert [item["name"] for item in live["spec"]["template"]["spec"]["containers"]] == ["a"]


def test_a_removed_element_goes_with_its_defaults() -> None:
    live = put(None, deployment({"name": "a", "image": "i"}, {"name": "b", "image": "i"}))
    live["spec"]["template"]["spec"]["containers"][1]["imagePullPolicy"] = "Always"
    live = put(live, deployment({"name": "a", "image": "i"}))
    assert [item["name"] for item in live["spec"]["template"]["spec"]["containers"]] == ["a"]


def test_a_scaler_can_take_over_replicas() -> None:
    live = put(None, deployment({"name": "a", "image": "i"}, replicas=3))
    scaled = copied(live)
    scaled["spec"]["replicas"] = 5
    track(live, scaled, DEPLOYMENTS, "autoscaler", "apps/v1", 1.0, "scale")
    with pytest.raises(
        Conflict, match=r'"autoscaler" with subresource "scale" using apps/v1: .spec.replicas'
    ):
        put(scaled, deployment({"name": "a", "image": "i"}, replicas=3))
    assert put(scaled, deployment({"name": "a", "image": "i"}))["spec"]["replicas"] == 5


def test_status_is_not_applied_through_the_main_resource() -> None:
    live = put(None, {**deployment({"name": "a", "image": "i"}), "status": {"replicas": 1}})
    assert "f:status" not in owned(live)["one"]


def test_atomic_fields_are_owned_whole() -> None:
    live = put(None, deployment({"name": "a", "image": "i"}))
    assert owned(live)["one"]["f:spec"]["f:selector"] == {}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param(
            {**config_map(), "dada": {}},
            r"failed to create typed patch object \(d/c; /v1, Kind=ConfigMap\): .dada: field not declared",
            id="an unknown field",
        ),
        pytest.param({**config_map(), "data": [1]}, "cannot unmarshal array", id="a wrong type"),
        pytest.param({**config_map(), "apiVersion": "v2"}, "Incorrect version", id="another version"),
        pytest.param(
            config_map(finalizers=["x/a", "x/a"]),
            r'\.metadata\.finalizers: duplicate entries for key \[="x/a"\]',
            id="an element twice",
        ),
        pytest.param({**config_map(), "metadata": []}, "metadata must be an object", id="odd metadata"),
        pytest.param(config_map(managedFields=[{}]), "managedFields must be nil", id="stated ownership"),
    ],
)
def test_refused(config: Any, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        apply(None, config, CONFIG_MAPS, "one", "v1", 0.0)


def test_an_update_owns_new_maps_themselves_and_takes_what_it_changes() -> None:
    live = config_map({"a": "1"})
    track(None, live, CONFIG_MAPS, "kubectl-create", "v1", 0.0)
    assert owned(live) == {"kubectl-create": {"f:data": {".": {}, "f:a": {}}}}
    live = updated(live, "editor", a="2")
    assert owned(live) == {"kubectl-create": {"f:data": {}}, "editor": {"f:data": {"f:a": {}}}}


def test_a_write_without_changes_keeps_the_entries() -> None:
    live = config_map({"a": "1"})
    track(None, live, CONFIG_MAPS, "m", "v1", 0.0)
    assert updated(live, "other") == live


def test_ownership_can_be_cleared_and_then_stays_away() -> None:
    live = config_map({"a": "1"})
    track(None, live, CONFIG_MAPS, "m", "v1", 0.0)
    cleared = copied(live)
    cleared["metadata"]["managedFields"] = [{}]
    track(live, cleared, CONFIG_MAPS, "m", "v1", 1.0)
    assert "managedFields" not in cleared["metadata"]
    assert "managedFields" not in updated(cleared, "m", b="2")["metadata"]


def test_many_updaters_are_folded_into_one_entry() -> None:
    live = config_map({})
    track(None, live, CONFIG_MAPS, "m", "v1", 0.0)
    live = put(live, config_map({"x": "y"}), "applier")
    for i in range(20):
        live = updated(live, f"m{i}", **{f"k{i}": "v"})
    assert len(live["metadata"]["managedFields"]) == 11
    assert "ancient-changes" in owned(live)


def test_sets_are_owned_by_value() -> None:
    live = put(None, config_map(finalizers=["x/a"]))
    live = put(live, config_map(finalizers=["x/b"]), "two")
    assert live["metadata"]["finalizers"] == ["x/a", "x/b"]
    assert owned(live)["two"] == {"f:metadata": {"f:finalizers": {'v:"x/b"': {}}}}
    assert put(live, config_map(finalizers=[]), "one")["metadata"]["finalizers"] == ["x/b"]


DATA = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("123"), max_size=4)


@given(DATA, DATA, DATA)
def test_applying_is_idempotent_and_leaves_its_arguments_alone(first: Any, second: Any, other: Any) -> None:
    live = put(put(None, config_map(first)), config_map(other), "two", force=True)
    before = copied([live, second])
    once = put(live, config_map(second), now=1.0, force=True)
    assert [live, second] == before
    assert put(once, config_map(second), now=2.0) == once
    assert all(once.get("data", {})[key] == value for key, value in second.items())


def test_port_defaults_count_when_elements_are_matched() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}
    live = apply(None, {**service, "spec": {"ports": [{"port": 80}]}}, SERVICES, "one", "v1", 0.0)
    live["spec"]["ports"][0]["protocol"] = "TCP"
    live = apply(
        live, {**service, "spec": {"ports": [{"port": 80, "name": "x"}]}}, SERVICES, "one", "v1", 1.0
    )
    decode(SERVICES, live)
    assert live["spec"]["ports"] == [{"port": 80, "name": "x", "protocol": "TCP"}]
