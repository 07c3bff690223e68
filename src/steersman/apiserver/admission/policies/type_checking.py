"""Type checking of validating policies: expressions against the schemas of what the policy is about.

The outcome is advice in `status.typeChecking`, never a refusal: a policy may be about several kinds, and its
expressions look before they leap. Kinds named by wildcards are not checked. Source: "Validating Admission
Policy", type checking.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import orjson

from steersman.api import meta
from steersman.api.errors import ApiError
from steersman.api.kinds import VALIDATING_ADMISSION_POLICIES
from steersman.apiserver.admission.conditions import VARIABLES
from steersman.client.workqueue import WorkQueue
from steersman.runtime.tasks import to_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.api.types import Object
    from steersman.apiserver.api import API
    from steersman.apiserver.view import View

log = logging.getLogger("steersman.apiserver.admission.policies")
MOST_KINDS = 10
"""Kinds a policy is checked against at most."""
_ANYTHING = {"x-kubernetes-int-or-string": True}
"""The schema of values whose type is left open."""
_OBJECTS = ("object", "oldObject")


async def type_checking(api: API) -> None:
    """Keep the status of all validating policies, until cancelled."""
    queue: WorkQueue[str] = WorkQueue(api.clock)

    def changed(old: Object | None, new: Object | None) -> None:
        if new is not None and (new.get("status") or {}).get("observedGeneration") != meta.generation(new):
            queue.add(meta.name(new))

    stop = await api.follow(VALIDATING_ADMISSION_POLICIES, changed)
    try:
        while True:
            name = await queue.get()
            try:
                await _settle(api, name)
            except ApiError as error:
                log.info("status of policy %s: %s", name, error)
            finally:
                queue.done(name)
    finally:
        stop()


async def _settle(api: API, name: str) -> None:
    policy = await api.get(VALIDATING_ADMISSION_POLICIES, name)
    generation = meta.generation(policy)
    found = await to_thread(warnings_of, policy, list(kinds_of(api, policy)))

    def change(policy: Object) -> Object:
        if meta.generation(policy) != generation:
            return policy  # its change has been seen, too
        checked: Object = {"expressionWarnings": found} if found else {}
        status = {**(policy.get("status") or {}), "typeChecking": checked}
        return {**policy, "status": {**status, "observedGeneration": generation}}

    await api.update(VALIDATING_ADMISSION_POLICIES, name, change, subresource="status")


def kinds_of(api: API, policy: Object) -> Iterator[View]:
    """The kinds a policy names, without those behind wildcards."""
    found: dict[str, View] = {}
    constraints = (policy.get("spec") or {}).get("matchConstraints") or {}
    for rule in constraints.get("resourceRules") or ():
        for group in rule.get("apiGroups") or ():
            for version in rule.get("apiVersions") or ():
                for plural in rule.get("resources") or ():
                    view = api.views.find(group, version, plural)
                    if view is not None and len(found) < MOST_KINDS:
                        found[str(view.resource)] = view
    yield from found.values()


def warnings_of(policy: Object, views: list[View]) -> list[Object]:
    """What the checker says of each expression, over every kind: ExpressionWarnings."""
    from steersman.api.cel.environment import Checker, ExpressionError
    from steersman.api.cel.types import Types

    checkers = []
    for view in views:
        types = Types()
        own = types.of(schema_of(view))
        declared = {**dict.fromkeys(VARIABLES, "dyn"), **dict.fromkeys(_OBJECTS, own)}
        resource = view.resource
        checkers.append((f"{resource.api_version}, Kind={resource.kind}", Checker(declared, types.pool())))
    found = []
    for place, text in _expressions(policy):
        said = []
        for kind, checker in checkers:
            try:
                checker.check(text)
            except ExpressionError as error:
                said.append(f"{kind}: {error}")
        if said:
            found.append({"fieldRef": place, "warning": "\n".join(said)})
    return found


def _expressions(policy: Object) -> Iterator[tuple[str, str]]:
    for index, validation in enumerate((policy.get("spec") or {}).get("validations") or ()):
        for name in ("expression", "messageExpression"):
            if validation.get(name):
                yield f"spec.validations[{index}].{name}", str(validation[name])


def schema_of(view: View) -> Object:
    """The OpenAPI schema of a kind with its references put in."""
    from steersman.api.openapi.definitions import V3, Definitions, definition_name
    from steersman.apiserver.apiextensions.view import CustomView

    if isinstance(view, CustomView):
        named = {name: {"type": "string"} for name in ("apiVersion", "kind")}
        own = view.version.openapi
        return {**own, "properties": {**(own.get("properties") or {}), **named, "metadata": _ANYTHING}}
    name = definition_name(view.resource)
    definitions = {key: orjson.loads(raw) for key, raw in Definitions(V3).closure({name}).items()}
    expanded: Object = _expanded(definitions[name], definitions, (name,))
    return expanded


def _expanded(value: Any, definitions: Object, above: tuple[str, ...]) -> Any:
    """Put in what is referred to; what refers to itself is left open there."""
    if isinstance(value, list):
        return [_expanded(item, definitions, above) for item in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref") or next(
        (one["$ref"] for one in value.get("allOf") or () if "$ref" in one), None
    )
    if isinstance(reference, str):
        name = reference.rpartition("/")[2]
        if name in above:
            return dict(_ANYTHING)
        return _expanded(definitions[name], definitions, (*above, name))
    if "oneOf" in value:
        return dict(_ANYTHING)
    return {key: _expanded(item, definitions, above) for key, item in value.items() if key != "description"}
