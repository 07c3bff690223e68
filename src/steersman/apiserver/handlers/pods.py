"""Sub-resources of pods that change the pod in their own way: binding and eviction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from steersman.api import kinds, meta, times
from steersman.api.errors import BadRequest, InternalError, NotFound, TooManyRequests
from steersman.api.labels import selector_from_label_selector
from steersman.apiserver.generic.delete import delete
from steersman.apiserver.generic.options import WriteOptions, delete_options
from steersman.apiserver.generic.update import update
from steersman.apiserver.generic.write import check_place
from steersman.apiserver.handlers.body import check_type, read_object
from steersman.apiserver.handlers.write import options_of
from steersman.apiserver.http.values import Query, Response
from steersman.apiserver.registry.core.pod import bind

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.handlers.target import Target

_SUCCESS = orjson.dumps(
    {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
)
_OVER = frozenset({"Succeeded", "Failed"})


async def binding(target: Target) -> Response:
    """Answer POST pods/<name>/binding and, with the name in the body, POST bindings. Raises: ApiError."""
    body = await read_object(target.request)
    check_type(body, "v1", "Binding")
    view = target.api.views.of(kinds.PODS)
    await view.cache.ready()
    name = target.info.name or meta.name(body)
    write = target.write(options_of(target, "CreateOptions"), name=name)
    strategy = view.strategy.for_subresource("binding")
    assert strategy is not None
    check_place(write, body)
    attributes = write.attributes("CREATE", body, None)
    await write.mutate(attributes)
    await write.validate(attributes)
    write.view, write.strategy, write.subresource = view, strategy, "binding"
    write.retries = write.admitted = True

    def bound(pod: Object) -> Object:
        bind(strategy, pod, body, target.api.clock.time())
        return pod

    await update(write, bound)
    return Response(201, _SUCCESS)


async def eviction(target: Target) -> Response:
    """Answer POST pods/<name>/eviction: a DELETE that disruption budgets may refuse with 429. Raises:
    ApiError."""
    body = await read_object(target.request)
    if body.get("kind", "Eviction") != "Eviction":
        raise BadRequest(f"the body is a {body.get('kind')}, not an Eviction")
    if meta.name(body) and meta.name(body) != target.info.name:
        raise BadRequest(
            f"name in URL does not match name in Eviction object: {target.info.name} != {meta.name(body)}"
        )
    options = delete_options(Query(""), body.get("deleteOptions"))
    pods = target.view
    item = pods.cache.objects.get(target.info.namespace, target.info.name)
    if item is None:
        raise NotFound.of(pods.resource, target.info.name)
    pod = pods.decode(item)
    write = target.write(WriteOptions(dry_run=options.dry_run or bool(target.request.query.all("dryRun"))))
    attributes = write.attributes("CREATE", body, None)
    await write.mutate(attributes)
    await write.validate(attributes)
    write.strategy, write.subresource = pods.strategy, ""
    if not _expendable(pod):
        await _spend_budget(target, pod, dry_run=write.options.dry_run)
    await delete(write, options)
    return Response(201, _SUCCESS)


def _expendable(pod: Object) -> bool:
    """Say whether no budget protects a pod: it is over, or has not begun, or is going already."""
    phase = (pod.get("status") or {}).get("phase")
    return phase in _OVER or phase == "Pending" or meta.deleting(pod)


async def _spend_budget(target: Target, pod: Object, *, dry_run: bool) -> None:
    api, namespace = target.api, meta.namespace(pod)
    budgets = [
        budget
        for budget in await api.list(kinds.POD_DISRUPTION_BUDGETS, namespace)
        if selector_from_label_selector((budget.get("spec") or {}).get("selector")).matches(meta.labels(pod))
    ]
    if len(budgets) > 1:
        raise InternalError(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
    if not budgets:
        return
    name, now = meta.name(budgets[0]), times.rfc3339(api.clock.time())

    def spend(budget: Object) -> Object:
        status = budget.setdefault("status", {})
        if status.get("observedGeneration", 0) < meta.generation(budget):
            raise TooManyRequests.of(
                "Cannot evict pod as it would violate the pod's disruption budget. The disruption budget "
                f"{name} is still being processed by the server.",
                10,
            )
        if status.get("disruptionsAllowed", 0) <= 0:
            raise _refused(budget)
        status["disruptionsAllowed"] -= 1
        status.setdefault("disruptedPods", {})[meta.name(pod)] = now
        return budget

    if dry_run:
        spend(budgets[0])
    else:
        await api.update(kinds.POD_DISRUPTION_BUDGETS, name, spend, namespace, subresource="status")


def _refused(budget: Object) -> TooManyRequests:
    status = budget["status"]
    name = meta.name(budget)
    cause = (
        f"The disruption budget {name} needs {status.get('desiredHealthy', 0)} healthy pods and has "
        f"{status.get('currentHealthy', 0)} currently"
    )
    details = {"causes": [{"reason": "DisruptionBudget", "message": cause}]}
    return TooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", details)
