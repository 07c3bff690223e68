"""Endpoints about permissions: the access reviews and rules reviews (`kubectl auth can-i`, `can-i --list`).

Nothing is stored: a POST is a question, its answer the object with `status` filled in.
Source: authorization.k8s.io/v1 as documented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.errors import BadRequest, Invalid
from steersman.api.fields import FieldError
from steersman.api.kinds import (
    LOCAL_SUBJECT_ACCESS_REVIEWS,
    SELF_SUBJECT_ACCESS_REVIEWS,
    SELF_SUBJECT_RULES_REVIEWS,
    SUBJECT_ACCESS_REVIEWS,
)
from steersman.apiserver.authn import MASTERS, User
from steersman.apiserver.authz import Attributes, Verdict
from steersman.apiserver.authz.chain import decide, rbac_of
from steersman.apiserver.authz.rbac.reviews import rules_status
from steersman.apiserver.endpoint import Endpoint
from steersman.apiserver.handlers.question import answered, read_question

if TYPE_CHECKING:
    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.handlers.target import Target
    from steersman.apiserver.http.values import Response


def access_attributes(spec: Object, user: User) -> Attributes:
    """What an access review asks. Raises ValueError unless exactly one of the two kinds of attributes is
    given."""
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is None and path is None:
        raise ValueError("exactly one of nonResourceAttributes or resourceAttributes must be specified")
    if resource is not None and path is not None:
        raise ValueError("nonResourceAttributes cannot be specified in combination with resourceAttributes")
    if path is not None:
        return Attributes(user, str(path.get("verb", "")), False, str(path.get("path", "")))
    assert resource is not None
    return Attributes(
        user=user,
        verb=str(resource.get("verb", "")),
        is_resource=True,
        group=str(resource.get("group", "")),
        version=str(resource.get("version", "") or "*"),
        resource=str(resource.get("resource", "")),
        subresource=str(resource.get("subresource", "")),
        namespace=str(resource.get("namespace", "")),
        name=str(resource.get("name", "")),
        field_selector=selector_text(resource.get("fieldSelector")),
        label_selector=selector_text(resource.get("labelSelector")),
    )


_NOTATION = {"In": "{key} in ({values})", "NotIn": "{key} notin ({values})", "Exists": "{key}"}
_NOTATION["DoesNotExist"] = "!{key}"
_ONE = {"In": "{key}={values}", "NotIn": "{key}!={values}"}


def selector_text(given: Object | None) -> str:
    """The selector of a review as a request would spell it; requirements that cannot be spelled are left out,
    which asks for more, never for less. Raises: ValueError when it comes in both forms."""
    if not given:
        return ""
    raw, requirements = given.get("rawSelector") or "", given.get("requirements") or ()
    if raw and requirements:
        raise ValueError("rawSelector and requirements of a selector are mutually exclusive")
    if raw:
        return str(raw)
    words = []
    for one in requirements:
        values, operator = one.get("values") or (), str(one.get("operator", ""))
        form = _ONE.get(operator) if len(values) == 1 else None
        form = form or _NOTATION.get(operator)
        if form is not None:
            words.append(form.format(key=one.get("key", ""), values=",".join(map(str, values))))
    return ",".join(words)


def reviewed_user(spec: Object) -> User:
    """Whom a SubjectAccessReview is about. Raises ValueError when it names nobody."""
    name, groups = spec.get("user") or "", tuple(spec.get("groups") or ())
    if not name and not groups:
        raise ValueError("at least one of user or group must be specified")
    return User(name=name, uid=spec.get("uid") or "", groups=groups, extra=spec.get("extra") or {})


async def _review(target: Target, resource: Resource, *, own: bool, local: bool = False) -> Response:
    obj = await read_question(target)
    spec: Object = obj["spec"]
    try:
        user = target.request.user if own else reviewed_user(spec)
        assert user is not None
        attributes = access_attributes(spec, user)
        if local and attributes.namespace != target.info.namespace:
            raise ValueError(f"must match metadata.namespace: {target.info.namespace}")
    except ValueError as error:
        problem = FieldError("FieldValueInvalid", "spec", spec, str(error))
        raise Invalid.of(resource, "", [problem]) from error
    decision = await decide(target.api, attributes)
    status: Object = {"allowed": decision.verdict is Verdict.ALLOW}
    if decision.verdict is Verdict.DENY:
        status["denied"] = True
    if decision.reason:
        status["reason"] = decision.reason
    obj["status"] = status
    return answered(obj)


async def subject_access_review(target: Target) -> Response:
    return await _review(target, SUBJECT_ACCESS_REVIEWS, own=False)


async def self_subject_access_review(target: Target) -> Response:
    return await _review(target, SELF_SUBJECT_ACCESS_REVIEWS, own=True)


async def local_subject_access_review(target: Target) -> Response:
    return await _review(target, LOCAL_SUBJECT_ACCESS_REVIEWS, own=False, local=True)


async def self_subject_rules_review(target: Target) -> Response:
    obj = await read_question(target)
    namespace = obj["spec"].get("namespace") or ""
    if not namespace:
        raise BadRequest("no namespace on request")
    user = target.request.user
    assert user is not None
    rbac = rbac_of(target.api)
    index = None if rbac is None else await rbac.index()
    obj["status"] = rules_status(index, user, namespace, everything=MASTERS in user.groups)
    return answered(obj)


ENDPOINTS = tuple(
    Endpoint(resource.group, resource.plural, "", handle)
    for resource, handle in (
        (SUBJECT_ACCESS_REVIEWS, subject_access_review),
        (SELF_SUBJECT_ACCESS_REVIEWS, self_subject_access_review),
        (LOCAL_SUBJECT_ACCESS_REVIEWS, local_subject_access_review),
        (SELF_SUBJECT_RULES_REVIEWS, self_subject_rules_review),
    )
)
