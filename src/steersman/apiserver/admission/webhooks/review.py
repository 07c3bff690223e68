"""AdmissionReviews: what a webhook is asked, and what its answer says. Pure.

Source: "Dynamic Admission Control", request and response.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from steersman.api.errors import ApiError

if TYPE_CHECKING:
    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes
    from steersman.apiserver.authn import User

SUPPORTED = ("v1", "v1beta1")
_OPTIONS = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}


class BadAnswer(ValueError):
    """What came back is no AdmissionReview that answers the request."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A webhook's answer."""

    allowed: bool
    status: Object | None = None
    patch: list[Any] | None = None
    warnings: tuple[str, ...] = ()
    annotations: dict[str, str] = field(default_factory=dict)


def admission_request(attributes: Attributes, uid: str, shown: Resource) -> Object:
    """The `request` of a review, without the objects; also the variable `request` of expressions."""
    resource = attributes.resource
    request: Object = {
        "uid": uid,
        "kind": _kind(shown, attributes.subresource),
        "resource": _resource(shown),
        "requestKind": _kind(resource, attributes.subresource),
        "requestResource": _resource(resource),
        "name": _name(attributes),
        "operation": attributes.operation,
        "userInfo": user_info(attributes.user),
        "dryRun": attributes.dry_run,
    }
    if attributes.namespace:
        request["namespace"] = attributes.namespace
    elif resource.plural == "namespaces" and not resource.group:
        request["namespace"] = _name(attributes)
    if attributes.subresource:
        request["subResource"] = request["requestSubResource"] = attributes.subresource
    request["options"] = _options(attributes)
    return request


def _name(attributes: Attributes) -> str:
    metadata = (attributes.obj or attributes.old or {}).get("metadata") or {}
    return str(attributes.name or metadata.get("name") or "")


def _options(attributes: Attributes) -> Object | None:
    kind = _OPTIONS.get(attributes.operation)
    if kind is None:
        return None
    options: Object = {"apiVersion": "meta.k8s.io/v1", "kind": kind}
    if attributes.dry_run:
        options["dryRun"] = ["All"]
    if attributes.field_manager and attributes.operation != "DELETE":
        options["fieldManager"] = attributes.field_manager
    return options


def _kind(resource: Resource, subresource: str) -> Object:
    row = resource.subresource(subresource) if subresource else None
    if row is not None and row.version:
        return {"group": row.group, "version": row.version, "kind": row.kind}
    kind = row.kind if row is not None else resource.kind
    return {"group": resource.group, "version": resource.version, "kind": kind}


def _resource(resource: Resource) -> Object:
    return {"group": resource.group, "version": resource.version, "resource": resource.plural}


def user_info(user: User) -> Object:
    """A user as reviews show it."""
    info: Object = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    if user.groups:
        info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra.items()}
    return info


def review(version: str, request: Object, obj: Object | None, old: Object | None) -> bytes:
    """The body of a call."""
    asked = {**request, "object": obj, "oldObject": old}
    document = {"kind": "AdmissionReview", "apiVersion": f"admission.k8s.io/{version}", "request": asked}
    return orjson.dumps(document)


def chosen_version(versions: tuple[str, ...]) -> str:
    """The first of a webhook's versions that this server speaks. Raises: BadAnswer."""
    for version in versions:
        if version in SUPPORTED:
            return version
    raise BadAnswer(f"webhook does not accept known AdmissionReview versions ({', '.join(SUPPORTED)})")


def parse_answer(body: bytes, version: str, uid: str) -> Verdict:
    """Read an answer. Raises: BadAnswer."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadAnswer(f"couldn't decode the answer: {error}") from None
    if not isinstance(document, dict) or document.get("kind") != "AdmissionReview":
        raise BadAnswer("expected response.kind=AdmissionReview")
    wanted = f"admission.k8s.io/{version}"
    if document.get("apiVersion") != wanted:
        raise BadAnswer(f"expected response.apiVersion={wanted}, got {document.get('apiVersion')!r}")
    response = document.get("response")
    if not isinstance(response, dict):
        raise BadAnswer("webhook response was absent")
    if response.get("uid") != uid:
        raise BadAnswer(f"expected response.uid={uid!r}, got {response.get('uid')!r}")
    return _verdict(response)


def _verdict(response: Object) -> Verdict:
    status = response.get("status")
    annotations = response.get("auditAnnotations") or {}
    warnings = response.get("warnings") or ()
    if not isinstance(annotations, dict) or not isinstance(warnings, (list, tuple)):
        raise BadAnswer("auditAnnotations must be a map and warnings a list")
    return Verdict(
        allowed=response.get("allowed") is True,
        status=status if isinstance(status, dict) else None,
        patch=_patch(response),
        warnings=tuple(str(text) for text in warnings),
        annotations={str(key): str(value) for key, value in annotations.items()},
    )


def _patch(response: Object) -> list[Any] | None:
    encoded = response.get("patch")
    if not encoded:
        return None
    if response.get("patchType") != "JSONPatch":
        raise BadAnswer(f"unsupported patch type {response.get('patchType')!r}, want JSONPatch")
    try:
        operations = orjson.loads(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadAnswer(f"the patch cannot be decoded: {error}") from None
    if not isinstance(operations, list):
        raise BadAnswer("a JSON patch must be a list of operations")
    return operations


def denial(name: str, status: Object | None) -> ApiError:
    """The error of a write that a webhook refused: its code, reason and words, never less than 400."""
    given = status or {}
    said = f'admission webhook "{name}" denied the request'
    message = given.get("message") or given.get("reason")
    text = f"{said}: {message}" if message else f"{said} without explanation"
    try:
        code = int(given.get("code") or 0)
    except (TypeError, ValueError):
        code = 0
    shown = {"message": text, "reason": given.get("reason") or "", "details": given.get("details")}
    return ApiError.from_status(shown, code if code >= 400 else 400)
