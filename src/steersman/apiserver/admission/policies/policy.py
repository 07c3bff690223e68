"""Policies and bindings as the plug-ins use them: compiled from the objects of the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steersman.apiserver.admission.conditions import Conditions
from steersman.apiserver.admission.matching import Matcher
from steersman.apiserver.admission.policies.literals import plain_literals

if TYPE_CHECKING:
    from steersman.api.types import Object


@dataclass(frozen=True, slots=True)
class Validation:
    """One rule of a validating policy."""

    expression: str
    message: str
    message_expression: str
    reason: str


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of a mutating policy; the expression without typed literals."""

    patch_type: str
    """ApplyConfiguration or JSONPatch."""
    expression: str


@dataclass(frozen=True, eq=False)
class Policy:
    """A policy of either kind; the parts of the other kind are empty."""

    name: str
    matcher: Matcher = field(repr=False)
    conditions: Conditions = field(repr=False)
    ignores_failure: bool
    param_kind: tuple[str, str] | None
    """(apiVersion, kind) of its parameters."""
    variables: dict[str, str]
    """Expressions by name."""
    validations: tuple[Validation, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    """(key, expression) of audit annotations."""
    mutations: tuple[Mutation, ...] = ()
    reinvoked: bool = False


@dataclass(frozen=True, eq=False)
class Binding:
    """A binding of a policy."""

    name: str
    policy: str
    matcher: Matcher = field(repr=False)
    param_ref: Object | None
    actions: tuple[str, ...] = ()


def policies(objects: list[Object]) -> dict[str, Policy]:
    """All policies of one kind by name."""
    return {str(one["metadata"]["name"]): _policy(one) for one in objects}


def _policy(obj: Object) -> Policy:
    spec = obj.get("spec") or {}
    constraints = spec.get("matchConstraints") or {}
    kind = spec.get("paramKind")
    return Policy(
        name=str(obj["metadata"]["name"]),
        matcher=matcher(constraints),
        conditions=Conditions(spec.get("matchConditions") or ()),
        ignores_failure=spec.get("failurePolicy") == "Ignore",
        param_kind=(str(kind.get("apiVersion")), str(kind.get("kind"))) if kind else None,
        variables={
            str(one["name"]): plain_literals(str(one["expression"])) for one in spec.get("variables") or ()
        },
        validations=tuple(_validation(one) for one in spec.get("validations") or ()),
        annotations=tuple(
            (str(one["key"]), str(one["valueExpression"])) for one in spec.get("auditAnnotations") or ()
        ),
        mutations=tuple(_mutation(one) for one in spec.get("mutations") or ()),
        reinvoked=spec.get("reinvocationPolicy") == "IfNeeded",
    )


def _validation(one: Object) -> Validation:
    return Validation(
        expression=str(one.get("expression", "")).strip(),
        message=str(one.get("message") or "").strip(),
        message_expression=str(one.get("messageExpression") or "").strip(),
        reason=str(one.get("reason") or "Invalid"),
    )


def _mutation(one: Object) -> Mutation:
    patch_type = str(one.get("patchType", ""))
    holder = one.get("applyConfiguration") if patch_type == "ApplyConfiguration" else one.get("jsonPatch")
    return Mutation(patch_type, plain_literals(str((holder or {}).get("expression", ""))))


def matcher(constraints: Object, *, everything: bool = False) -> Matcher:
    """The matcher of `matchConstraints` or, with `everything`, of a binding's `matchResources`."""
    return Matcher(
        constraints.get("resourceRules") or (),
        excluded=constraints.get("excludeResourceRules") or (),
        namespace_selector=constraints.get("namespaceSelector"),
        object_selector=constraints.get("objectSelector"),
        match_policy=constraints.get("matchPolicy") or "Equivalent",
        everything=everything and not constraints.get("resourceRules"),
    )


def bindings(objects: list[Object]) -> dict[str, list[Binding]]:
    """All bindings of one kind by the name of their policy, each list in the order of names."""
    found: dict[str, list[Binding]] = {}
    for obj in objects:
        spec = obj.get("spec") or {}
        binding = Binding(
            name=str(obj["metadata"]["name"]),
            policy=str(spec.get("policyName", "")),
            matcher=matcher(spec.get("matchResources") or {}, everything=True),
            param_ref=spec.get("paramRef"),
            actions=tuple(spec.get("validationActions") or ()),
        )
        found.setdefault(binding.policy, []).append(binding)
    return found
