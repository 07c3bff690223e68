"""The life of CustomResourceDefinitions: accepted, established, served, cleaned up.

    created ──> names accepted ──> established ──> served ──(deleted)──> objects deleted ──> gone

Every change of a definition is seen at once, synchronously: views appear and disappear with the commit that
says so. What has to be written (conditions, the end of clean-up) is done by one task, a definition at a time;
several servers over one store may do it at the same time, since every step is a compare-and-swap of the same
computed state. Source: k8s apiextensions-apiserver pkg/controller, pkg/apiserver/customresource_handler.go.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import ApiError, Conflict, NotFound
from steersman.api.schema import prune, structural
from steersman.apiserver.api import SERVER
from steersman.apiserver.apiextensions import naming
from steersman.apiserver.apiextensions.conversion import ConvertedCache, Converter
from steersman.apiserver.apiextensions.strategy import CustomStrategy
from steersman.apiserver.apiextensions.version import (
    CustomVersion,
    established,
    served,
    storage_version,
    stored,
    terminating,
)
from steersman.apiserver.apiextensions.view import NEVER, CustomView
from steersman.apiserver.cache.filter import Filter
from steersman.apiserver.cache.hub import prefix
from steersman.apiserver.cache.item import Record
from steersman.apiserver.generic.delete import delete
from steersman.apiserver.generic.options import DeleteOptions, WriteOptions
from steersman.apiserver.generic.write import Write
from steersman.apiserver.registry.apiextensions.custom_resource_definition import FINALIZER
from steersman.apiserver.view import View
from steersman.client.workqueue import WorkQueue
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.admission.webhooks.caller import Caller
    from steersman.apiserver.api import API

log = logging.getLogger("steersman.apiserver.apiextensions")
DEFINITIONS = kinds.CUSTOM_RESOURCE_DEFINITIONS
STILL_THERE = 0.5
"""Seconds until a clean-up looks again for objects that their finalizers keep."""


class CustomResources:
    """What is served because of definitions, and the task that looks after them."""

    def __init__(self, api: API) -> None:
        self._api = api
        self._queue: WorkQueue[str] = WorkQueue(api.clock)
        self._known: dict[str, Object] = {}
        """What names and groups are taken: definitions without their schemas, which are large."""
        self._served: dict[str, tuple[Resource, ...]] = {}
        self._stored: dict[str, View | None] = {}
        """Objects as they are stored, for cleaning up."""
        self._late: WorkQueue[ConvertedCache] = WorkQueue(api.clock)
        """Caches with changes that are not converted yet."""
        self._caller: Caller | None = None

    async def start(self) -> Callable[[], None]:
        """Serve what there is and follow changes; returns the function that ends it."""
        return await self._api.follow(DEFINITIONS, self._changed)

    async def run(self) -> None:
        """Bring definitions and converted objects up to date until cancelled."""
        try:
            async with TaskGroup() as tasks:
                tasks.spawn(self._settle_all(), "custom resource definitions")
                tasks.spawn(self._convert_all(), "custom resource conversion")
        finally:
            if self._caller is not None:
                await self._caller.aclose()

    async def _convert_all(self) -> None:
        """Convert changes as they come, for watchers; readers convert by themselves what they need."""
        while True:
            cache = await self._late.get()
            try:
                await cache.ready()
                self._late.forget(cache)
            except ApiError as error:
                log.warning("%s; trying again", error)
                self._late.add_rate_limited(cache)
            finally:
                self._late.done(cache)

    async def _settle_all(self) -> None:
        """Bring the definitions' conditions up to date, and clean up after deleted ones."""
        while True:
            name = await self._queue.get()
            try:
                await self._settle(name)
                self._queue.forget(name)
            except Conflict:
                self._queue.add_rate_limited(name)
            except ApiError as error:
                log.warning("custom resource definition %s: %s; trying again", name, error)
                self._queue.add_rate_limited(name)
            finally:
                self._queue.done(name)

    # --- serving

    def _changed(self, old: Object | None, new: Object | None) -> None:
        if new is None:
            assert old is not None
            name = old["metadata"]["name"]
            self._known.pop(name, None)
            self._withdraw(name)
            for other in self._group(old["spec"]["group"], name):
                self._queue.add(other["metadata"]["name"])  # its names are free now
            return
        name = new["metadata"]["name"]
        self._known[name] = _without_versions(new)
        if established(new):
            if old is None or name not in self._served or _shape(old) != _shape(new):
                self._serve_if_sound(name, new)
            elif terminating(new) != terminating(old):
                self._refuse_new(name)
        else:
            self._withdraw(name)
        self._queue.add(name)

    def _withdraw(self, name: str) -> None:
        resources = self._served.pop(name, ())
        self._stored.pop(name, None)
        for resource in resources:
            self._api.views.remove(resource)
        if resources:
            self._api.hub.forget(resources[0])

    def _serve_if_sound(self, name: str, definition: Object) -> None:
        """Serve a definition; one that another server let in and this one cannot read is left out."""
        try:
            self._serve(name, definition)
        except (LookupError, TypeError, ValueError) as error:
            log.error("custom resource definition %s cannot be served: %r", name, error)
            self._withdraw(name)

    def _refuse_new(self, name: str) -> None:
        """Create nothing any more. Watches go on: they are to see the objects go."""
        for resource in self._served.get(name, ()):
            strategy = self._api.views.of(resource).strategy
            if isinstance(strategy, CustomStrategy):
                strategy.terminating = True

    def _serve(self, name: str, definition: Object) -> None:
        """Make the views of a definition, in place of those it had; live watches end and are resumed."""
        api, versions = self._api, served(definition)
        for resource in self._served.get(name, ()):
            api.views.remove(resource)
        row = stored(definition)
        if _built_in(row):
            log.warning("custom resource definition %s: the resource is built in", name)
            return
        api.hub.forget(row)
        stored_cache = cache = api.hub.cache(row, _recorder(versions))
        fresh_after = _fresh_after(definition, versions)
        converter = self._converter(definition)
        for version in versions:
            strategy = CustomStrategy(version, terminating=terminating(definition))
            if converter is not None:
                cache = self._converted(version, converter)
                fresh_after = 0
            api.views.put(CustomView(version, strategy, cache, fresh_after, converter))
        self._stored[name] = View(row, CustomStrategy(versions[0]), stored_cache) if versions else None
        self._served[name] = tuple(version.resource for version in versions)

    def _converter(self, definition: Object) -> Converter | None:
        if (definition["spec"].get("conversion") or {}).get("strategy") != "Webhook":
            return None
        if self._caller is None:
            from steersman.apiserver.admission.webhooks.caller import Caller

            self._caller = Caller(self._api)
        return Converter(definition, self._caller)

    def _converted(self, version: CustomVersion, converter: Converter) -> ConvertedCache:
        """Make the cache of a version that a webhook converts to."""

        async def convert(objects: Sequence[Object]) -> list[Object]:
            made = await converter.convert(objects, version.resource.api_version)
            for obj in made:
                prune(version.schema, obj)
                structural.default(version.openapi, obj)
            return made

        row, api = version.resource, self._api
        cache = ConvertedCache(row, api.store, prefix(row), _recorder([version]), convert, self._late.add)
        api.hub.adopt(cache)
        return cache

    def _group(self, group: str, name: str) -> list[Object]:
        """Return the other definitions of a group."""
        return [
            definition
            for other, definition in self._known.items()
            if other != name and definition["spec"]["group"] == group
        ]

    # --- conditions and clean-up

    async def _settle(self, name: str) -> None:
        try:
            definition = await self._api.get(DEFINITIONS, name)
        except NotFound:
            return
        if meta.deleting(definition):
            if FINALIZER in (definition["metadata"].get("finalizers") or ()):
                await self._clean(name, definition)
            return
        others = self._group(definition["spec"]["group"], name)
        status = naming.plan_status(definition, others, self._api.clock.time())
        if status != definition.get("status"):
            await self._write_status(definition, status)

    async def _write_status(self, definition: Object, status: Object) -> None:
        """Write a status that was computed from exactly this state. Raises: ApiError."""
        revision = definition["metadata"]["resourceVersion"]

        def change(obj: Object) -> Object:
            if obj["metadata"]["resourceVersion"] != revision:
                raise Conflict.of(DEFINITIONS, obj["metadata"]["name"])
            return {**obj, "status": status}

        await self._api.update(DEFINITIONS, definition["metadata"]["name"], change, subresource="status")

    async def _clean(self, name: str, definition: Object) -> None:
        now = self._api.clock.time()
        status = definition.get("status") or {}
        started = meta.get_condition(definition, "Terminating")
        if started is None or started.get("reason") == "InstanceDeletionPending":
            text = "CustomResource deletion is in progress"
            marked = naming.with_terminating(status, "True", "InstanceDeletionInProgress", text, now)
            await self._write_status(definition, marked)
            return  # the change brings us here again
        if not await self._delete_objects(name):
            self._queue.add_after(name, STILL_THERE)
            return
        done = naming.with_terminating(
            status, "False", "InstanceDeletionCompleted", "removed all instances", now
        )

        def release(obj: Object) -> Object:
            finalizers = [each for each in obj["metadata"].get("finalizers") or () if each != FINALIZER]
            return {**obj, "metadata": {**obj["metadata"], "finalizers": finalizers}, "status": done}

        try:
            await self._api.update(DEFINITIONS, name, release)
        except NotFound:
            log.debug("custom resource definition %s is gone already", name)

    async def _delete_objects(self, name: str) -> bool:
        """Delete every object of a definition; return whether all are gone."""
        view = self._stored.get(name)
        if view is None:
            return True  # never established: there can be none
        await view.cache.ready()
        for item in list(view.cache.objects.select(Filter())):
            write = Write(
                self._api, view, view.strategy, "", item.namespace, item.name, SERVER, WriteOptions(), []
            )
            try:
                await delete(write, DeleteOptions())
            except NotFound:
                continue
        return not any(True for _ in view.cache.objects.select(Filter()))


def _built_in(row: Resource) -> bool:
    """Say whether the server has a resource of its own by that name, which then stays."""
    return any((one.group, one.plural) == (row.group, row.plural) for one in kinds.RESOURCES)


def _without_versions(definition: Object) -> Object:
    spec = {name: value for name, value in definition["spec"].items() if name != "versions"}
    return {"metadata": definition["metadata"], "spec": spec, "status": definition.get("status")}


def _shape(definition: Object) -> object:
    """What views are made of: when it is the same, they are."""
    accepted = (definition.get("status") or {}).get("acceptedNames")
    return definition["spec"], accepted, established(definition)


def _fresh_after(definition: Object, versions: list[CustomVersion]) -> int:
    """Return the revision after which stored bytes are as every served version shows them."""
    wanted = storage_version(definition)
    schemas = {version.raw for version in versions}
    if len(schemas) > 1 or wanted not in [version.resource.version for version in versions]:
        return NEVER
    if definition["metadata"].get("generation", 1) == 1:
        return 0
    return int(definition["metadata"]["resourceVersion"])


def _recorder(versions: list[CustomVersion]) -> Callable[[Object], Record]:
    """Return what makes records with the selectable fields of all versions together."""
    strategies = [CustomStrategy(version) for version in versions if version.selectable]

    def record(obj: Object) -> Record:
        fields: dict[str, str] = {}
        for strategy in strategies:
            strategy.add_fields(fields, obj)
        metadata = obj["metadata"]
        return Record(metadata.get("uid", ""), metadata.get("labels") or None, fields)

    return record
