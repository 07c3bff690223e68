"""API errors: upstream's texts, details and causes, and the way back from a Status."""

from __future__ import annotations

import pytest

from steersman.api import errors, fields, kinds
from steersman.api.errors import ApiError

PODS, DEPLOYMENTS = kinds.PODS, kinds.DEPLOYMENTS


@pytest.mark.parametrize(
    ("error", "code", "reason", "message"),
    [
        (errors.NotFound.of(DEPLOYMENTS, "x"), 404, "NotFound", 'deployments.apps "x" not found'),
        (errors.AlreadyExists.of(PODS, "x"), 409, "AlreadyExists", 'pods "x" already exists'),
        (
            errors.Conflict.of(DEPLOYMENTS, "x"),
            409,
            "Conflict",
            'Operation cannot be fulfilled on deployments.apps "x": the object has been modified; '
            "please apply your changes to the latest version and try again",
        ),
        (
            errors.Forbidden.of(PODS, "", 'User "u" cannot list resource "pods"'),
            403,
            "Forbidden",
            'pods is forbidden: User "u" cannot list resource "pods"',
        ),
        (
            errors.Invalid.of(DEPLOYMENTS, "x", [fields.required("spec"), fields.required("spec.template")]),
            422,
            "Invalid",
            'Deployment.apps "x" is invalid: [spec: Required value, spec.template: Required value]',
        ),
        (errors.Unauthorized(), 401, "Unauthorized", "Unauthorized"),
        (errors.Timeout.of("late"), 504, "Timeout", "Timeout: late"),
        (
            errors.MethodNotSupported.of(PODS, "delete"),
            405,
            "MethodNotAllowed",
            'delete is not supported on resources of kind "pods"',
        ),
        (
            errors.RequestEntityTooLarge.of(7),
            413,
            "RequestEntityTooLarge",
            "Request entity too large: limit is 7",
        ),
    ],
    ids=lambda value: value.reason if isinstance(value, ApiError) else "",
)
def test_status(error: ApiError, code: int, reason: str, message: str) -> None:
    status = error.to_status()
    assert (status["code"], status["reason"], status["message"]) == (code, reason, message)
    assert (status["kind"], status["apiVersion"], status["status"]) == ("Status", "v1", "Failure")
    back = ApiError.from_status(status, code)
    assert type(back) is type(error)
    assert back.to_status() == status


def test_details_name_the_object_and_its_causes() -> None:
    error = errors.Invalid.of(DEPLOYMENTS, "x", [fields.invalid("spec.replicas", -1, "must be positive")])
    assert error.details == {
        "name": "x",
        "group": "apps",
        "kind": "Deployment",
        "causes": [
            {
                "reason": "FieldValueInvalid",
                "message": "Invalid value: -1: must be positive",
                "field": "spec.replicas",
            }
        ],
    }


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        pytest.param({}, 404, errors.NotFound, id="no body at all"),
        pytest.param({"reason": "Expired", "code": 410}, 410, errors.Expired, id="an expired version"),
        pytest.param({"reason": "SomethingNew", "code": 418}, 418, ApiError, id="an unknown reason"),
        pytest.param(
            {"message": "x", "details": "nonsense"}, 503, errors.ServiceUnavailable, id="odd details"
        ),
    ],
)
def test_from_status(status: dict[str, object], code: int, kind: type[ApiError]) -> None:
    error = ApiError.from_status(status, code)
    assert type(error) is kind
    assert error.code == code


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (fields.required("spec.name"), "spec.name: Required value"),
        (fields.required("spec.name", "say something"), "spec.name: Required value: say something"),
        (fields.invalid("a", "x", "no"), 'a: Invalid value: "x": no'),
        (fields.invalid("a", {"b": 1}, "no"), 'a: Invalid value: {"b":1}: no'),
        (fields.not_supported("t", "X", {"B", "A"}), 't: Unsupported value: "X": supported values: "A", "B"'),
        (fields.duplicate("a[1]", "x"), 'a[1]: Duplicate value: "x"'),
        (fields.forbidden("spec", "may not change"), "spec: Forbidden: may not change"),
        (fields.too_long("n", "xxx", 2), "n: Too long: may not be more than 2 bytes"),
        (fields.too_many("n", 3, 2), "n: Too many: 3: must have at most 2 items"),
        (fields.not_found("n", "x"), 'n: Not found: "x"'),
    ],
    ids=lambda value: value.type if isinstance(value, fields.FieldError) else "",
)
def test_field_errors(error: fields.FieldError, text: str) -> None:
    assert str(error) == text


def test_paths() -> None:
    path = fields.Path("spec").child("containers").index(0).child("ports", "name").key("k")
    assert str(path) == "spec.containers[0].ports.name[k]"
    assert str(fields.ROOT.child("spec")) == "spec"
