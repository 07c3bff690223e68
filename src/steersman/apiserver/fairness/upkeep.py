"""Keeps priority and fairness in step with its objects.

The objects are made in the background, after the server is ready: until then the same defaults apply from
memory. The mandatory ones are put back when somebody changes or deletes them; a suggested one follows the
defaults as long as its annotation says so. FlowSchemas whose level is missing say so in their status.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steersman.api import kinds, meta, times
from steersman.api.errors import AlreadyExists, ApiError, NotFound
from steersman.apiserver.fairness import defaults
from steersman.store.base import StoreError

if TYPE_CHECKING:
    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.api import API
    from steersman.apiserver.fairness.fairness import Fairness

log = logging.getLogger("steersman.apiserver.fairness")
START_SECONDS = 1.0
"""Pause before the objects are made: what makes a server ready comes first."""
REBALANCE_SECONDS = 10.0
ROUNDS = 6
"""Rebalancing rounds between looks at the objects."""


async def fairness_upkeep(api: API, fairness: Fairness) -> None:
    """Work until cancelled."""
    await api.clock.sleep(START_SECONDS)
    levels = Mirror(api, fairness)
    rounds = 0
    while True:
        try:
            await levels.follow()
            if rounds % ROUNDS == 0:
                await ensure_defaults(api)
                await note_dangling(api)
            levels.apply()
        except (ApiError, StoreError) as error:
            log.warning("priority and fairness objects could not be kept, trying again later: %s", error)
        rounds += 1
        await api.clock.sleep(REBALANCE_SECONDS)
        fairness.rebalance()


class Mirror:
    """The objects as they are now; `apply` hands them on when they have changed."""

    def __init__(self, api: API, fairness: Fairness) -> None:
        self._api, self._fairness = api, fairness
        self._objects: dict[str, dict[str, Object]] = {"FlowSchema": {}, "PriorityLevelConfiguration": {}}
        self._changed = False
        self._unfollowed = [kinds.FLOW_SCHEMAS, kinds.PRIORITY_LEVEL_CONFIGURATIONS]

    async def follow(self) -> None:
        """Begin to follow what is not followed yet. Raises: StoreError."""
        while self._unfollowed:
            await self._api.follow(self._unfollowed[-1], self._note)
            self._unfollowed.pop()

    def _note(self, old: Object | None, new: Object | None) -> None:
        obj = new or old
        assert obj is not None
        if new is not None and old is not None and old["spec"] == new["spec"]:
            return
        objects = self._objects[obj["kind"]]
        if new is None:
            objects.pop(meta.name(obj), None)
        else:
            objects[meta.name(obj)] = new
        self._changed = True
        if self._complete():
            self.apply()

    def _complete(self) -> bool:
        return all(objects.keys() >= defaults.MANDATORY for objects in self._objects.values())

    def apply(self) -> None:
        """Hand the objects on, once the mandatory ones are there."""
        if self._changed and self._complete():
            self._changed = False
            levels, schemas = self._objects["PriorityLevelConfiguration"], self._objects["FlowSchema"]
            self._fairness.configure(levels.values(), schemas.values())


async def ensure_defaults(api: API) -> None:
    """Make what is missing, and put back what must be as the defaults say."""
    for resource, objects in (
        (kinds.PRIORITY_LEVEL_CONFIGURATIONS, defaults.LEVELS),
        (kinds.FLOW_SCHEMAS, defaults.SCHEMAS),
    ):
        for wanted in objects:
            await _ensure(api, resource, wanted)


async def _ensure(api: API, resource: Resource, wanted: Object) -> None:
    name = meta.name(wanted)
    try:
        there = await api.get(resource, name)
    except NotFound:
        try:
            await api.create(resource, {**wanted, "metadata": dict(wanted["metadata"])})
        except AlreadyExists:
            log.debug("%s was made by another server meanwhile", name)
        return
    follows = meta.annotations(there).get(defaults.AUTOUPDATE) == "true"
    if (name in defaults.MANDATORY or follows) and not _covers(there["spec"], wanted["spec"]):
        log.info("putting the default %s %s back", resource.kind, name)
        await api.update(resource, name, lambda old: {**old, "spec": wanted["spec"]})


def _covers(there: object, wanted: object) -> bool:
    """Say whether an object has all that is wanted; what defaulting added does not matter."""
    if isinstance(there, dict) and isinstance(wanted, dict):
        return all(name in there and _covers(there[name], value) for name, value in wanted.items())
    if isinstance(there, list) and isinstance(wanted, list):
        return len(there) == len(wanted) and all(map(_covers, there, wanted))
    return there == wanted


async def note_dangling(api: API) -> None:
    """Write into every FlowSchema whether its priority level exists."""
    levels = {meta.name(level) for level in await api.list(kinds.PRIORITY_LEVEL_CONFIGURATIONS)}
    for schema in await api.list(kinds.FLOW_SCHEMAS):
        level = schema["spec"]["priorityLevelConfiguration"]["name"]
        condition = _dangling(level, there=level in levels)
        before = meta.get_condition(schema, "Dangling") or {}
        if all(before.get(name) == value for name, value in condition.items()):
            continue
        stamped = {**condition, "lastTransitionTime": times.rfc3339(api.clock.time())}

        def change(old: Object, stamped: Object = stamped) -> Object:
            status = old.get("status") or {}
            others = [one for one in status.get("conditions") or () if one["type"] != "Dangling"]
            return {**old, "status": {**status, "conditions": [*others, stamped]}}

        await api.update(kinds.FLOW_SCHEMAS, meta.name(schema), change, subresource="status")


def _dangling(level: str, *, there: bool) -> Object:
    outcome = "it exists" if there else "there is no such object"
    return {
        "type": "Dangling",
        "status": "False" if there else "True",
        "reason": "Found" if there else "NotFound",
        "message": f"the PriorityLevelConfiguration {level!r} that this FlowSchema names: {outcome}",
    }
