"""Decoding a body into the form of its type: types, unknown fields, zero values, canonical forms."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.api import kinds
from steersman.api.schema import DecodeError, cannot_handle, decode, duplicate_fields, schema_for, strict_text

PODS = schema_for(kinds.PODS)
DEPLOYMENTS = schema_for(kinds.DEPLOYMENTS)
SECRETS = schema_for(kinds.SECRETS)
CLAIMS = schema_for(kinds.PERSISTENT_VOLUME_CLAIMS)
LEASES = schema_for(kinds.LEASES)


def container(**fields: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "c", **fields}]}}


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        pytest.param(
            {"spec": {"replicas": "3"}},
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
            id="a string for a number",
        ),
        pytest.param(
            {"spec": {"template": {"spec": {"containers": [{"image": 5}]}}}},
            "json: cannot unmarshal number into Go struct field "
            "Container.spec.template.spec.containers.image of type string",
            id="a number for a string, deep inside",
        ),
        pytest.param(
            {"spec": []},
            "json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec",
            id="a list for a struct",
        ),
        pytest.param(
            [], "json: cannot unmarshal array into Go value of type v1.Deployment", id="a list for all"
        ),
        pytest.param(
            {"metadata": {"labels": {"a": 1}}},
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
            id="a number in a map of strings",
        ),
        pytest.param(
            {"spec": {"replicas": 1.5}},
            "json: cannot unmarshal number 1.5 into Go struct field "
            "DeploymentSpec.spec.replicas of type int32",
            id="a fraction for an integer",
        ),
        pytest.param(
            {"spec": {"replicas": 5_000_000_000}},
            "json: cannot unmarshal number 5000000000 into Go struct field "
            "DeploymentSpec.spec.replicas of type int32",
            id="a number too large",
        ),
        pytest.param(
            {"spec": {"paused": 1}},
            "json: cannot unmarshal number into Go struct field DeploymentSpec.spec.paused of type bool",
            id="a number for a boolean",
        ),
        pytest.param(
            {"spec": {"template": {"spec": {"containers": {}}}}},
            "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers "
            "of type []v1.Container",
            id="an object for a list",
        ),
    ],
)
def test_wrong_types(obj: Any, message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(DEPLOYMENTS, obj)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("schema", "obj", "message"),
    [
        pytest.param(
            PODS, container(resources={"limits": {"cpu": "x"}}), "quantities must match", id="a quantity"
        ),
        pytest.param(PODS, {"metadata": {"creationTimestamp": "now"}}, 'parsing time "now"', id="a time"),
        pytest.param(SECRETS, {"data": {"a": "!"}}, "illegal base64 data at input byte 0", id="base64"),
    ],
)
def test_malformed_values(schema: Any, obj: Any, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        decode(schema, obj)


def test_unknown_fields_are_dropped_and_named() -> None:
    obj: dict[str, Any] = {
        "spec": {"replicaz": 1, "template": {"spec": {"containers": [{"name": "c", "imag": "x"}]}}},
        "x": 1,
    }
    assert decode(DEPLOYMENTS, obj) == [
        'unknown field "spec.replicaz"',
        'unknown field "spec.template.spec.containers[0].imag"',
        'unknown field "x"',
    ]
    assert "replicaz" not in obj["spec"]
    assert "x" not in obj


def test_names_are_case_sensitive() -> None:
    assert decode(DEPLOYMENTS, {"spec": {"Replicas": 1}}) == ['unknown field "spec.Replicas"']


@pytest.mark.parametrize(
    ("schema", "path", "given", "kept"),
    [
        pytest.param(PODS, "hostNetwork", False, None, id="false means not set"),
        pytest.param(PODS, "automountServiceAccountToken", False, False, id="false is told from not set"),
        pytest.param(PODS, "nodeName", "", None, id="an empty string means not set"),
        pytest.param(CLAIMS, "storageClassName", "", "", id="an empty string is told from not set"),
        pytest.param(DEPLOYMENTS, "replicas", 0, 0, id="zero is told from not set"),
        pytest.param(DEPLOYMENTS, "minReadySeconds", 0, None, id="zero means not set"),
        pytest.param(DEPLOYMENTS, "replicas", None, None, id="null means not set"),
        pytest.param(DEPLOYMENTS, "replicas", 2.0, 2, id="a whole fraction is an integer"),
        pytest.param(PODS, "tolerations", [], None, id="an empty list means not set"),
        pytest.param(PODS, "securityContext", {}, {}, id="an empty struct is there"),
        pytest.param(PODS, "containers", [], [], id="a required list may be empty"),
        pytest.param(
            LEASES, "renewTime", "2024-01-02T03:04:05Z", "2024-01-02T03:04:05.000000Z", id="micro times"
        ),
    ],
)
def test_zero_values(schema: Any, path: str, given: Any, kept: Any) -> None:
    obj: dict[str, Any] = {"spec": {path: given}}
    assert decode(schema, obj) == []
    assert obj["spec"].get(path) == kept
    assert (path in obj["spec"]) == (kept is not None)


def test_quantities_become_canonical() -> None:
    obj = container(resources={"limits": {"cpu": 1, "memory": "1024Mi"}, "requests": {"cpu": "0.5"}})
    decode(PODS, obj)
    assert obj["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "1", "memory": "1Gi"},
        "requests": {"cpu": "500m"},
    }


def test_members_every_object_has_are_there() -> None:
    obj = container()
    decode(PODS, obj)
    assert obj == {"spec": {"containers": [{"name": "c", "resources": {}}]}, "status": {}}


@pytest.mark.parametrize(
    ("raw", "paths"),
    [
        pytest.param(b'{"a":1,"b":[{"c":1}]}', [], id="none"),
        pytest.param(b'{"a":1,"a":2}', ["a"], id="at the top"),
        pytest.param(b'{"s":{"l":[{"x":1},{"y":1, "y" :2}]}}', ["s.l[1].y"], id="inside a list, with blanks"),
        pytest.param(rb'{"a":"\":\":","b":1}', [], id="colons in a string"),
    ],
)
def test_duplicate_fields(raw: bytes, paths: list[str]) -> None:
    import orjson

    assert duplicate_fields(raw, orjson.loads(raw)) == [f'duplicate field "{path}"' for path in paths]


def test_the_error_names_kind_version_and_problems() -> None:
    error = cannot_handle("Deployment", "v1", strict_text(['unknown field "spec.x"', 'unknown field "y"']))
    assert error.code == 400
    assert error.message == (
        'Deployment in version "v1" cannot be handled as a Deployment: '
        'strict decoding error: unknown field "spec.x", unknown field "y"'
    )
