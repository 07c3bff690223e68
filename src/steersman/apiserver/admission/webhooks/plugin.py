"""The plug-ins that ask webhooks: mutating ones in turn, validating ones at once.

    match rules and selectors -> match conditions -> dry run allowed? -> call -> refuse, patch, warn

Source: "Dynamic Admission Control".
"""

from __future__ import annotations

import asyncio
import copy
import uuid
from typing import TYPE_CHECKING, Any

from steersman.api import schema
from steersman.api.errors import ApiError, BadRequest, InternalError
from steersman.api.kinds import MUTATING_WEBHOOK_CONFIGURATIONS, VALIDATING_WEBHOOK_CONFIGURATIONS
from steersman.api.patch import json_patch
from steersman.apiserver.admission.authorizer import RequestAuthorizer
from steersman.apiserver.admission.compiled import Compiled
from steersman.apiserver.admission.conditions import ConditionError
from steersman.apiserver.admission.matching import EXEMPT_GROUP, converted
from steersman.apiserver.admission.plugin import AdmissionPlugin, forbidden
from steersman.apiserver.admission.webhooks.caller import Caller, CallFailed
from steersman.apiserver.admission.webhooks.configuration import hooks
from steersman.apiserver.admission.webhooks.review import (
    BadAnswer,
    admission_request,
    chosen_version,
    denial,
    parse_answer,
    review,
)

if TYPE_CHECKING:
    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes, Operation
    from steersman.apiserver.admission.webhooks.configuration import Hook
    from steersman.apiserver.admission.webhooks.review import Verdict
    from steersman.apiserver.api import API
    from steersman.apiserver.view import View


class _Webhooks(AdmissionPlugin):
    """What both kinds share: which are asked, and one call."""

    configurations: Resource

    def __init__(self, api: API) -> None:
        super().__init__(api)
        self._hooks = Compiled(api, self.configurations, hooks)
        self._caller = Caller(api)
        api.on_close(self._caller.aclose)

    def handles(self, resource: Resource, subresource: str, operation: Operation) -> bool:
        return resource.group != EXEMPT_GROUP

    async def _asked(self, hook: Hook, attributes: Attributes) -> View | None:
        """The version in which a hook is shown a write; None when it is not asked. Raises: ApiError."""
        shown = await hook.matcher.match(self.api, attributes)
        if shown is None or not hook.conditions:
            return shown
        values = {
            **await self._objects(attributes, shown),
            "request": admission_request(attributes, "", shown.resource),
            "authorizer": RequestAuthorizer(self.api, attributes),
        }
        try:
            return shown if hook.conditions.hold(values) else None
        except ConditionError as error:
            if hook.ignores_failure:
                return None
            raise forbidden(attributes, error) from None

    async def _objects(self, attributes: Attributes, shown: View) -> Object:
        own = self.api.views.of(attributes.resource)
        return {
            "object": await converted(attributes.obj, own, shown),
            "oldObject": await converted(attributes.old, own, shown),
        }

    async def _call(self, hook: Hook, attributes: Attributes, shown: View) -> Verdict | None:
        """Ask one webhook; None when it failed and that is to be ignored. Raises: ApiError."""
        if attributes.dry_run and not hook.dry_runs:
            raise BadRequest(f'admission webhook "{hook.name}" does not support dry run')
        uid = str(uuid.uuid4())
        objects = await self._objects(attributes, shown)
        try:
            version = chosen_version(hook.versions)
            asked = admission_request(attributes, uid, shown.resource)
            body = review(version, asked, objects["object"], objects["oldObject"])
            answer = await self._caller.post(hook.client_config, body, hook.timeout)
            verdict = parse_answer(answer, version, uid)
        except (CallFailed, BadAnswer) as error:
            if hook.ignores_failure:
                key = f"failed-open.{_round(attributes)}.admission.k8s.io/{hook.name}"
                attributes.audit[key] = str(error)
                return None
            why = f'failed calling webhook "{hook.name}": failed to call webhook: {error}'
            raise InternalError.of(why) from None
        for key, value in verdict.annotations.items():
            attributes.audit[f"{hook.name}/{key}"] = value
        attributes.warnings.extend(verdict.warnings)
        if not verdict.allowed:
            raise denial(hook.name, verdict.status)
        return verdict


def _round(attributes: Attributes) -> str:
    return f"round_{attributes.round}"


class ValidatingAdmissionWebhook(_Webhooks):
    name = "ValidatingAdmissionWebhook"
    configurations = VALIDATING_WEBHOOK_CONFIGURATIONS

    async def validate(self, attributes: Attributes) -> None:
        known = await self._hooks.get()
        if not known:
            return
        asked = [
            (hook, shown) for hook in known if (shown := await self._asked(hook, attributes)) is not None
        ]
        if len(asked) == 1:
            await self._call(asked[0][0], attributes, asked[0][1])
            return
        calls = [self._call(hook, attributes, shown) for hook, shown in asked]
        for outcome in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome


class MutatingAdmissionWebhook(_Webhooks):
    name = "MutatingAdmissionWebhook"
    configurations = MUTATING_WEBHOOK_CONFIGURATIONS

    async def mutate(self, attributes: Attributes) -> None:
        known = await self._hooks.get()
        if not known:
            return
        memo: dict[str, Any] = attributes.memo.setdefault(
            self.name, {"again": set(), "called": [], "last": None}
        )
        if attributes.round and attributes.obj != memo["last"]:
            memo["again"].update(memo["called"])  # other plug-ins changed it since
        for hook in known:
            if attributes.round and hook not in memo["again"]:
                continue
            shown = await self._asked(hook, attributes)
            if shown is None:
                continue
            if await self._apply(hook, attributes, shown):
                memo["again"].update(memo["called"])
                attributes.again = True
            if hook.reinvoked and hook not in memo["called"]:
                memo["called"].append(hook)
        memo["last"] = copy.deepcopy(attributes.obj) if attributes.again else None

    async def _apply(self, hook: Hook, attributes: Attributes, shown: View) -> bool:
        """Ask one webhook and do what it says; returns whether the object changed."""
        verdict = await self._call(hook, attributes, shown)
        if verdict is None or not verdict.patch:
            return False
        if attributes.obj is None or attributes.operation == "CONNECT":
            raise InternalError.of(
                f'admission webhook "{hook.name}" attempted to modify the object, which is not supported for '
                "this operation"
            )
        own = self.api.views.of(attributes.resource)
        try:
            patched = json_patch.apply(await converted(attributes.obj, own, shown) or {}, verdict.patch)
            return replace_object(attributes, own, await converted(patched, shown, own))
        except (schema.DecodeError, ApiError) as error:
            raise InternalError.of(f'admission webhook "{hook.name}": {error}') from None


def replace_object(attributes: Attributes, view: View, made: Object | None) -> bool:
    """Put another state in the place of a write's object, in the form of its kind; whether it differs.

    Raises: schema.DecodeError, BadRequest.
    """
    assert attributes.obj is not None
    if not isinstance(made, dict) or not isinstance(made.get("metadata"), dict):
        raise BadRequest("the patched document is not an object with metadata")
    made = copy.deepcopy(made)
    if attributes.subresource != "scale":  # a Scale, not an object of the resource's kind
        view.read_body(made)
        if attributes.subresource != "status":
            view.fill(made)
    if made == attributes.obj:
        return False
    attributes.obj.clear()
    attributes.obj.update(made)
    return True
