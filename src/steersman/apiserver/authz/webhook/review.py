"""SubjectAccessReviews: what is asked, as their spec, and what their status decides. Pure.

Source: authorization.k8s.io/v1 as documented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.fieldselector import parse_field_selector
from steersman.api.labels import parse_selector
from steersman.apiserver.authz import Decision, Verdict

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.authz import Attributes

_OPERATORS = {"=": "In", "==": "In", "in": "In", "!=": "NotIn", "notin": "NotIn"} | {
    "exists": "Exists",
    "!": "DoesNotExist",
}


def review_spec(asked: Attributes) -> Object:
    """The spec that asks about a request; empty members are left out."""
    user = asked.user
    spec: Object = {"user": user.name}
    if user.uid:
        spec["uid"] = user.uid
    if user.groups:
        spec["groups"] = list(user.groups)
    if user.extra:
        spec["extra"] = {name: list(values) for name, values in user.extra.items()}
    if not asked.is_resource:
        spec["nonResourceAttributes"] = {"path": asked.path, "verb": asked.verb}
        return spec
    fields = ("namespace", "verb", "group", "version", "resource", "subresource", "name")
    given = {name: value for name in fields if (value := getattr(asked, name))}
    spec["resourceAttributes"] = given | _selectors(asked)
    return spec


def _selectors(asked: Attributes) -> Object:
    """Requirements of selectors that can be read; what cannot is refused later by whoever lists."""
    found: Object = {}
    if asked.field_selector:
        try:
            selector = parse_field_selector(asked.field_selector)
        except ValueError:
            return found
        requirements = [
            {"key": path, "operator": "In", "values": [value]}
            for path in selector.fields
            if (value := selector.exact(path)) is not None
        ]
        if requirements:
            found["fieldSelector"] = {"requirements": requirements}
    if asked.label_selector:
        try:
            labels = parse_selector(asked.label_selector)
        except ValueError:
            return found
        requirements = [
            {"key": one.key, "operator": operator, "values": list(one.values)}
            for one in labels.requirements
            if (operator := _OPERATORS.get(one.operator)) is not None
        ]
        if requirements:
            found["labelSelector"] = {"requirements": requirements}
    return found


def decision_of(status: Object) -> Decision:
    """What a review's status decides. A status that both allows and denies is a denial."""
    reason = str(status.get("reason") or status.get("evaluationError") or "")
    if status.get("denied"):
        return Decision(Verdict.DENY, reason)
    return Decision(Verdict.ALLOW if status.get("allowed") else Verdict.NO_OPINION, reason)
