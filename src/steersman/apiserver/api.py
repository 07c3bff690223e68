"""The API in process: what every handler, plug-in and background loop of the server works with.

It gives the same objects as HTTP does, without HTTP: `get`, `list`, `create`, `update`, `delete` and `follow`
are for authenticators, authorizers, admission plug-ins and the server's own bootstrap. They act as the user
given, by default as the server itself, and pass the same registry, without asking authorizers.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from steersman.api.errors import NotFound
from steersman.apiserver import runtime_config
from steersman.apiserver.admission.plugin import acts
from steersman.apiserver.aggregation.aggregator import Aggregator
from steersman.apiserver.authn import MASTERS, User
from steersman.apiserver.cache.filter import Filter
from steersman.apiserver.cache.hub import Hub
from steersman.apiserver.documents import Documents
from steersman.apiserver.generic.create import create
from steersman.apiserver.generic.delete import delete
from steersman.apiserver.generic.options import DeleteOptions, WriteOptions
from steersman.apiserver.generic.update import update
from steersman.apiserver.generic.write import Write
from steersman.apiserver.reload import Files
from steersman.apiserver.views import Views, stored_record

if TYPE_CHECKING:
    import builtins
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes, Operation, Plugin, Side
    from steersman.apiserver.authn import Authenticator
    from steersman.apiserver.authz import Authorizer
    from steersman.apiserver.cache.item import CacheEvent, Item
    from steersman.apiserver.config import APIServerConfig
    from steersman.apiserver.endpoint import Endpoint
    from steersman.apiserver.registry.strategy import Allocators
    from steersman.apiserver.view import Conversion, View
    from steersman.runtime.clock import Clock
    from steersman.store.base import Store

SERVER = User("system:apiserver", groups=(MASTERS,))
"""The server's own identity."""


class API:
    """See the module's text. Filled in by `server` in the order of its start."""

    def __init__(
        self,
        config: APIServerConfig,
        store: Store,
        clock: Clock,
        resources: Iterable[Resource],
        conversions: dict[Resource, Conversion],
    ) -> None:
        self.config, self.store, self.clock = config, store, clock
        self.random = random.Random()
        self.hub = Hub(store, stored_record)
        self.views = Views(conversions)
        for resource in runtime_config.served(resources, runtime_config.parse(config.runtime_config)):
            self.views.add(resource, self.hub)
        self.allocators: Allocators | None = None
        self.plugins: tuple[Plugin, ...] = ()
        self.authenticators: tuple[Authenticator, ...] = ()
        self.authorizers: tuple[Authorizer, ...] = ()
        self.anonymous, self.anonymous_paths = config.anonymous, frozenset(config.anonymous_paths)
        self.files = Files()
        self.endpoints: Mapping[tuple[str, str, str], Endpoint] = {}
        self.documents = Documents(self.views)
        self.advertised, self.port = "127.0.0.1", 0
        self.bootstrapped = self.draining = False
        self.aggregator = Aggregator(self)
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._plugins_for: dict[tuple[Resource, str, Operation, Side], tuple[Plugin, ...]] = {}

    def on_close(self, close: Callable[[], Awaitable[None]]) -> None:
        """Have something taken down when the server ends."""
        self._closers.append(close)

    async def close(self) -> None:
        """Take down what plug-ins and endpoints have opened, the last first."""
        while self._closers:
            await self._closers.pop()()

    def use_plugins(self, plugins: tuple[Plugin, ...]) -> None:
        """Put the admission plug-ins in place; what was remembered of others is forgotten."""
        self.plugins = plugins
        self._plugins_for.clear()

    def plugins_for(self, attributes: Attributes, side: Side) -> Sequence[Plugin]:
        """Return the admission plug-ins that have something to do on one side of a kind of write."""
        resource, subresource, operation = attributes.resource, attributes.subresource, attributes.operation
        found = self._plugins_for.get((resource, subresource, operation, side))
        if found is None:
            found = tuple(
                plugin
                for plugin in self.plugins
                if plugin.handles(resource, subresource, operation) and acts(plugin, side)
            )
            self._plugins_for[resource, subresource, operation, side] = found
        return found

    def ttl(self, resource: Resource) -> float | None:
        """Return how many seconds objects of a resource live, None for ever."""
        return self.config.event_ttl if resource.plural == "events" else None

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Object:
        """Return a fresh copy of an object. Raises: NotFound."""
        view = await self._view(resource)
        item = view.cache.objects.get(namespace, name)
        if item is None:
            raise NotFound.of(resource, name)
        return view.decode(item)

    async def exists(self, resource: Resource, name: str, namespace: str = "") -> bool:
        """Say whether there is such an object, without decoding it."""
        view = await self._view(resource)
        return view.cache.objects.get(namespace, name) is not None

    async def list(self, resource: Resource, namespace: str = "") -> list[Object]:
        """Return fresh copies of all objects, in key order."""
        view = await self._view(resource)
        return [view.decode(item) for item in view.cache.objects.select(Filter(namespace))]

    async def look(self, resource: Resource, name: str, namespace: str = "") -> Object:
        """Return an object like `get`, shared with everybody who looks: it must not be changed.

        For what is asked on every write; the object is decoded once a version. Raises: NotFound.
        """
        view = await self._view(resource)
        item = view.cache.objects.get(namespace, name)
        if item is None:
            raise NotFound.of(resource, name)
        return view.look(item)

    async def look_all(self, resource: Resource, namespace: str = "") -> builtins.list[Object]:
        """Return all objects like `list`, shared like those of `look`."""
        view = await self._view(resource)
        return view.look_all(namespace)

    async def create(
        self, resource: Resource, obj: Object, namespace: str = "", *, user: User = SERVER
    ) -> Object:
        """Create an object; `obj` is consumed. Raises: ApiError."""
        view = await self._view(resource)
        obj.setdefault("apiVersion", resource.api_version)
        obj.setdefault("kind", resource.kind)
        return view.decode(await create(self._write(view, namespace, "", user), obj))

    async def update(
        self,
        resource: Resource,
        name: str,
        change: Callable[[Object], Object],
        namespace: str = "",
        *,
        subresource: str = "",
        user: User = SERVER,
    ) -> Object:
        """Change an object: `change` gets a private copy and returns the new state; called again on races."""
        view = await self._view(resource)
        item, _ = await update(self._write(view, namespace, name, user, subresource), change)
        return view.decode(item)

    async def delete(
        self, resource: Resource, name: str, namespace: str = "", *, user: User = SERVER
    ) -> None:
        """Delete an object. Raises: ApiError."""
        view = await self._view(resource)
        await delete(self._write(view, namespace, name, user), DeleteOptions())

    async def follow(
        self, resource: Resource, on_change: Callable[[Object | None, Object | None], None]
    ) -> Callable[[], None]:
        """Call `on_change(old, new)` for every object there is, then for every change, in order,
        synchronously.

        Added: (None, new); changed: (old, new); deleted: (old, None). Returns the function that ends it.
        """
        view = await self._view(resource)

        def show(item: Item | None) -> Object | None:
            return None if item is None else view.decode(item)

        def deliver(events: Sequence[CacheEvent]) -> None:
            for event in events:
                on_change(show(event.previous), None if event.type == "DELETED" else view.decode(event.item))

        for item in list(view.cache.objects.select(Filter())):
            on_change(None, view.decode(item))
        return view.cache.listen(deliver)

    async def _view(self, resource: Resource) -> View:
        view = self.views.of(resource)
        if not view.cache.loaded:
            await view.cache.ready()
        return view

    def _write(self, view: View, namespace: str, name: str, user: User, subresource: str = "") -> Write:
        strategy = view.strategy.for_subresource(subresource)
        if strategy is None:
            raise NotFound.path()
        options = WriteOptions(field_manager="steersman-apiserver")
        return Write(self, view, strategy, subresource, namespace, name, user, options, [], retries=True)
