"""Validation of the device kinds."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from steersman.api import defaults, kinds, validation

if TYPE_CHECKING:
    from steersman.api.types import Object

REQUEST = {"name": "gpu", "exactly": {"deviceClassName": "gpu.example.com"}}
SLICE = {
    "driver": "d.example.com",
    "nodeName": "n",
    "pool": {"name": "n", "resourceSliceCount": 1, "generation": 1},
    "devices": [{"name": "gpu-0", "attributes": {"model": {"string": "a"}, "d.example.com/x": {"int": 1}}}],
}


def made(resource: kinds.Resource, spec: Object) -> Object:
    obj: Object = {"metadata": {"name": "x"}, "spec": copy.deepcopy(spec)}
    if resource.namespaced:
        obj["metadata"]["namespace"] = "ns"
    defaults.default(resource, obj)
    return obj


def claim(*requests: Object, **devices: Any) -> Object:
    return made(kinds.RESOURCE_CLAIMS, {"devices": {"requests": list(requests), **devices}})


def slice_(**spec: Any) -> Object:
    return made(kinds.RESOURCE_SLICES, {**SLICE, **spec})


@pytest.mark.parametrize(
    ("obj", "error"),
    [
        pytest.param(claim(REQUEST), "", id="a claim"),
        pytest.param(claim({"name": "a"}), "spec.devices.requests[0]: Required value", id="nothing is asked"),
        pytest.param(
            claim({**REQUEST, "firstAvailable": [{"name": "a", "deviceClassName": "b"}]}),
            "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set",
            id="asked in two ways",
        ),
        pytest.param(
            claim(REQUEST, REQUEST),
            'spec.devices.requests[1].name: Duplicate value: "gpu"',
            id="one name twice",
        ),
        pytest.param(
            claim({"name": "a", "exactly": {}}),
            "spec.devices.requests[0].exactly.deviceClassName: Required value",
            id="no class",
        ),
        pytest.param(
            claim({"name": "a", "exactly": {"deviceClassName": "c", "allocationMode": "All", "count": 2}}),
            "must not be specified when allocationMode is 'All'",
            id="all of them, and two",
        ),
        pytest.param(
            claim(REQUEST, constraints=[{"requests": ["cpu"], "matchAttribute": "d.example.com/numa"}]),
            'spec.devices.constraints[0].requests[0]: Invalid value: "cpu": must be the name of a request',
            id="a constraint about an unknown request",
        ),
        pytest.param(
            claim(REQUEST, config=[{"opaque": {"driver": "d.example.com", "parameters": [1]}}]),
            "spec.devices.config[0].opaque.parameters: Invalid value: [1]: must be a valid JSON object",
            id="parameters that are no object",
        ),
        pytest.param(
            claim(*({**REQUEST, "name": f"r{i}"} for i in range(33))),
            "spec.devices.requests: Too many: 33: must have at most 32 items",
            id="too many requests",
        ),
    ],
)
def test_claims(obj: Object, error: str) -> None:
    found = "; ".join(map(str, validation.validate_create(kinds.RESOURCE_CLAIMS, obj)))
    assert error in found
    assert bool(error) == bool(found)


@pytest.mark.parametrize(
    ("obj", "error"),
    [
        pytest.param(slice_(), "", id="a slice"),
        pytest.param(slice_(driver=""), "spec.driver: Required value", id="no driver"),
        pytest.param(slice_(nodeName=None), "spec: Required value: exactly one of `nodeName`", id="nowhere"),
        pytest.param(slice_(allNodes=True), "but multiple fields are set", id="on a node and on all"),
        pytest.param(
            slice_(pool={"name": "n"}),
            "spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero",
            id="a pool of nothing",
        ),
        pytest.param(
            slice_(devices=[{"name": "a", "attributes": {"x": {"int": 1, "bool": True}}}]),
            "spec.devices[0].attributes[x]",
            id="an attribute of two values",
        ),
        pytest.param(
            slice_(devices=[{"name": "a"}, {"name": "a"}]),
            "spec.devices[1].name: Duplicate",
            id="a name twice",
        ),
    ],
)
def test_slices(obj: Object, error: str) -> None:
    found = "; ".join(map(str, validation.validate_create(kinds.RESOURCE_SLICES, obj)))
    assert error in found
    assert bool(error) == bool(found)


def test_a_class_names_its_driver_and_what_it_selects() -> None:
    spec = {"selectors": [{"cel": {"expression": ""}}], "config": [{"opaque": {"driver": "d"}}]}
    errors = validation.validate_create(kinds.DEVICE_CLASSES, made(kinds.DEVICE_CLASSES, spec))
    assert [error.field for error in errors] == [
        "spec.selectors[0].cel.expression",
        "spec.config[0].opaque.parameters",
    ]


def test_what_is_asked_for_and_where_devices_are_stays() -> None:
    more = claim(REQUEST, {**REQUEST, "name": "b"})
    errors = validation.validate_update(kinds.RESOURCE_CLAIMS, more, claim(REQUEST))
    assert [error.field for error in errors] == ["spec"]
    errors = validation.validate_update(kinds.RESOURCE_SLICES, slice_(nodeName="m"), slice_())
    assert [error.field for error in errors] == ["spec.nodeName"]


def test_older_versions_are_held_to_the_same_rules() -> None:
    row = kinds.by_kind("resource.k8s.io/v1beta1", "ResourceClaim")
    assert row is not None
    old = made(row, {"devices": {"requests": [{"name": "a", "deviceClassName": "c"}]}})
    assert old["spec"]["devices"]["requests"][0]["allocationMode"] == "ExactCount"
    assert not validation.validate_create(row, old)
    del old["spec"]["devices"]["requests"][0]["deviceClassName"]
    (error,) = validation.validate_create(row, old)
    assert error.field == "spec.devices.requests[0].exactly.deviceClassName"


def test_betas_have_the_rules_of_their_stable_kind() -> None:
    row = kinds.by_kind("admissionregistration.k8s.io/v1beta1", "MutatingAdmissionPolicy")
    assert row is not None
    assert validation.validate_create(row, made(row, {}))
