"""The plug-ins that judge and change by policies.

    for each policy that matches, for each binding that matches, for each parameter: evaluate

Source: "Validating Admission Policy", "Mutating Admission Policy".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from steersman.api.errors import ApiError, Forbidden, NotFound
from steersman.api.kinds import (
    MUTATING_ADMISSION_POLICIES,
    MUTATING_ADMISSION_POLICY_BINDINGS,
    NAMESPACES,
    VALIDATING_ADMISSION_POLICIES,
    VALIDATING_ADMISSION_POLICY_BINDINGS,
)
from steersman.api.schema import DecodeError
from steersman.apiserver.admission.authorizer import RequestAuthorizer
from steersman.apiserver.admission.compiled import Compiled
from steersman.apiserver.admission.conditions import ConditionError
from steersman.apiserver.admission.matching import EXEMPT_GROUP, converted
from steersman.apiserver.admission.plugin import AdmissionPlugin, forbidden
from steersman.apiserver.admission.policies.expressions import Scope
from steersman.apiserver.admission.policies.mutation import mutated
from steersman.apiserver.admission.policies.params import ParamsError, params_of
from steersman.apiserver.admission.policies.policy import bindings, policies
from steersman.apiserver.admission.webhooks.plugin import replace_object
from steersman.apiserver.admission.webhooks.review import admission_request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes, Operation
    from steersman.apiserver.admission.policies.policy import Binding, Policy, Validation
    from steersman.apiserver.api import API
    from steersman.apiserver.view import View

AUDIT_FAILURE = "validation.policy.admission.k8s.io/validation_failure"
_CODES = {"Unauthorized": 401, "Forbidden": 403, "Invalid": 422, "RequestEntityTooLarge": 413}
LONGEST_MESSAGE = 5 * 1024
"""Characters of a message that an expression makes; longer ones fall back to the fixed message."""


@dataclass(frozen=True, slots=True)
class Case:
    """A policy to be evaluated for a write: with one binding, one parameter, in one version."""

    policy: Policy
    binding: Binding
    shown: View
    scope: Scope


class _Policies(AdmissionPlugin):
    """What both kinds share: which policies apply, and what their expressions see."""

    kind: str
    policy_resource: Resource
    binding_resource: Resource

    def __init__(self, api: API) -> None:
        super().__init__(api)
        self._policies = Compiled(api, self.policy_resource, policies)
        self._bindings = Compiled(api, self.binding_resource, bindings)

    def handles(self, resource: Resource, subresource: str, operation: Operation) -> bool:
        return resource.group != EXEMPT_GROUP

    async def _cases(self, attributes: Attributes) -> AsyncIterator[Case]:
        """Yield what applies, in order. Raises: Forbidden where that cannot be found out."""
        known, bound = await self._policies.get(), await self._bindings.get()
        for policy in known.values():
            own = bound.get(policy.name)
            if not own:
                continue
            shown = await policy.matcher.match(self.api, attributes)
            if shown is None:
                continue
            for binding in own:
                if await binding.matcher.match(self.api, attributes) is not None:
                    async for case in self._bound(attributes, policy, binding, shown):
                        yield case

    async def _bound(
        self, attributes: Attributes, policy: Policy, binding: Binding, shown: View
    ) -> AsyncIterator[Case]:
        try:
            params = await params_of(self.api, policy, binding, attributes)
            for param in params:
                values = {**await self._values(attributes, shown), "params": param}
                if policy.conditions.hold(values):
                    yield Case(policy, binding, shown, Scope(values, policy.variables))
        except (ParamsError, ConditionError) as error:
            if not policy.ignores_failure:
                raise self._denied(attributes, policy, binding, str(error)) from None

    async def _values(self, attributes: Attributes, shown: View) -> dict[str, Any]:
        own = self.api.views.of(attributes.resource)
        namespace = None
        if attributes.namespace:
            try:
                namespace = await self.api.look(NAMESPACES, attributes.namespace)
            except NotFound:
                namespace = None
        return {
            "object": await converted(attributes.obj, own, shown),
            "oldObject": await converted(attributes.old, own, shown),
            "request": admission_request(attributes, "", shown.resource),
            "namespaceObject": namespace,
            "authorizer": RequestAuthorizer(self.api, attributes),
        }

    def _denied(
        self, attributes: Attributes, policy: Policy, binding: Binding, why: str, reason: str = "Invalid"
    ) -> Forbidden:
        """The refusal, in the words users know; code and reason are those the policy names."""
        text = f"{self.kind} '{policy.name}' with binding '{binding.name}' denied request: {why}"
        error = forbidden(attributes, text)
        error.reason, error.code = reason, _CODES.get(reason, 422)
        error.details = {**(error.details or {}), "causes": [{"message": text}]}
        return error


class ValidatingAdmissionPolicy(_Policies):
    name = "ValidatingAdmissionPolicy"
    kind = "ValidatingAdmissionPolicy"
    policy_resource = VALIDATING_ADMISSION_POLICIES
    binding_resource = VALIDATING_ADMISSION_POLICY_BINDINGS

    async def validate(self, attributes: Attributes) -> None:
        if not await self._policies.get():
            return
        noted: list[Object] = []
        refusal: Forbidden | None = None
        async for case in self._cases(attributes):
            self._annotate(attributes, case)
            for index, validation in enumerate(case.policy.validations):
                why = failure(case, validation)
                if not why:
                    continue
                policy, binding = case.policy, case.binding
                if "Deny" in binding.actions and refusal is None:
                    refusal = self._denied(attributes, policy, binding, why, validation.reason)
                if "Warn" in binding.actions:
                    attributes.warnings.append(
                        f"Validation failed for {self.kind} '{policy.name}' with binding "
                        f"'{binding.name}': {why}"
                    )
                if "Audit" in binding.actions:
                    noted.append(_note(case, index, why))
        if noted:
            attributes.audit[AUDIT_FAILURE] = orjson.dumps(noted).decode()
        if refusal is not None:
            raise refusal

    def _annotate(self, attributes: Attributes, case: Case) -> None:
        for key, expression in case.policy.annotations:
            try:
                value = case.scope.value(expression)
            except ValueError as error:
                if not case.policy.ignores_failure:
                    why = f"expression '{expression}' resulted in error: {error}"
                    raise self._denied(attributes, case.policy, case.binding, why) from None
                continue
            if value is not None:
                attributes.audit[f"{case.policy.name}/{key}"] = str(value)


def _note(case: Case, index: int, why: str) -> Object:
    return {
        "message": why,
        "policy": case.policy.name,
        "binding": case.binding.name,
        "expressionIndex": index,
        "validationActions": list(case.binding.actions),
    }


def failure(case: Case, validation: Validation) -> str:
    """What is wrong by one rule; empty when it holds, or has no value and the policy does not mind."""
    try:
        if case.scope.value(validation.expression) is True:
            return ""
    except ValueError as error:
        if case.policy.ignores_failure:
            return ""
        return f"expression '{validation.expression}' resulted in error: {error}"
    return _message(case, validation)


def _message(case: Case, validation: Validation) -> str:
    fixed = validation.message or f"failed expression: {validation.expression}"
    if not validation.message_expression:
        return fixed
    try:
        made = case.scope.value(validation.message_expression)
    except ValueError:
        return fixed
    text = made.strip() if isinstance(made, str) else ""
    return text if text and "\n" not in text and len(text) <= LONGEST_MESSAGE else fixed


class MutatingAdmissionPolicy(_Policies):
    name = "MutatingAdmissionPolicy"
    kind = "MutatingAdmissionPolicy"
    policy_resource = MUTATING_ADMISSION_POLICIES
    binding_resource = MUTATING_ADMISSION_POLICY_BINDINGS

    async def mutate(self, attributes: Attributes) -> None:
        if attributes.obj is None or not await self._policies.get():
            return
        called: set[str] = attributes.memo.setdefault(self.name, set())
        async for case in self._cases(attributes):
            if attributes.round and not (case.policy.reinvoked and case.policy.name in called):
                continue
            if await self._apply(attributes, case) and called - {case.policy.name}:
                attributes.again = True
            called.add(case.policy.name)

    async def _apply(self, attributes: Attributes, case: Case) -> bool:
        """Apply a policy's mutations one after the other; whether the object changed."""
        own = self.api.views.of(attributes.resource)
        changed = False
        for mutation in case.policy.mutations:
            now = await converted(attributes.obj, own, case.shown) or {}
            case.scope.see(now)
            try:
                value = case.scope.value(mutation.expression)
                made = mutated(now, mutation.patch_type, value, case.shown.schema)
                changed = replace_object(attributes, own, await converted(made, case.shown, own)) or changed
            except (ValueError, DecodeError, ApiError) as error:
                if not case.policy.ignores_failure:
                    raise self._denied(attributes, case.policy, case.binding, str(error)) from None
                return changed
        return changed
