"""What the kubelet asks the API server for on behalf of pods: objects, their changes, and tokens.

Objects are read when they are needed, so a pod that starts sees the newest; those shown in volumes are
followed by one watch an object for as long as a pod uses them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from contextlib import aclosing
from typing import TYPE_CHECKING

from steersman.api.errors import ApiError, NotFound, ServiceUnavailable
from steersman.api.kinds import SERVICE_ACCOUNTS
from steersman.api.times import parse_time
from steersman.client.transport import ConnectionFailed
from steersman.kubelet.volumes.plugin import Token
from steersman.runtime.backoff import Backoff
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from steersman.api.kinds import Resource
    from steersman.api.types import Object
    from steersman.client.rest import Client
    from steersman.runtime.clock import Clock

log = logging.getLogger("steersman.kubelet.outside")

REFRESH_AT = 0.8  # of a token's life, as documented for projected tokens
REMEMBERED = 256  # objects kept for the time without an API server
LONGEST_LIFE = 86400.0  # seconds; a token is renewed at least daily

Key = tuple["Resource", str, str]


class ApiOutside:
    """`volumes.plugin.Outside` over a client; `on_change(uid)` is called when an object a pod follows
    changes.
    """

    def __init__(self, client: Client, clock: Clock, on_change: Callable[[str], None]) -> None:
        self._client = client
        self._clock = clock
        self._on_change = on_change
        self._users: dict[Key, set[str]] = {}
        self._versions: dict[Key, str] = {}
        self._seen: OrderedDict[Key, Object] = OrderedDict()
        self._watches: dict[Key, asyncio.Task[None]] = {}
        self._tokens: dict[tuple[str, str, str, int], Token] = {}
        self._group: TaskGroup | None = None

    async def run(self) -> None:
        """Hold the watches; until cancelled."""
        async with TaskGroup() as group:
            self._group = group
            self._watches.clear()
            for key in self._users:
                self._ensure_watch(key)
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._group = None

    async def fetch(self, resource: Resource, name: str, namespace: str | None = None) -> Object | None:
        """The object as it is now; None when there is none.

        While the API server is away, the object as it was last seen: containers restart without it.
        Raises: ApiError; ConnectionFailed when the object was never seen.
        """
        key = (resource, namespace or "", name)
        try:
            found = await self._client.get(resource, name, namespace)
        except NotFound:
            self._seen.pop(key, None)
            return None
        except (ServiceUnavailable, ConnectionFailed):
            if key not in self._seen:
                raise
            return self._seen[key]
        self._seen[key] = found
        self._seen.move_to_end(key)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        if key in self._users:
            self._versions[key] = found["metadata"]["resourceVersion"]
        return found

    async def token(self, pod: Object, audience: str, seconds: int) -> Token:
        meta = pod["metadata"]
        account = pod["spec"].get("serviceAccountName") or "default"
        key = (meta["uid"], account, audience, seconds)
        known = self._tokens.get(key)
        if known is not None and self._clock.time() < known.refresh:
            return known
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {
                "audiences": [audience] if audience else [],
                "expirationSeconds": seconds,
                "boundObjectRef": {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "name": meta["name"],
                    "uid": meta["uid"],
                },
            },
        }
        answer = await self._client.create(
            SERVICE_ACCOUNTS, request, meta["namespace"], name=account, subresource="token"
        )
        now = self._clock.time()
        life = parse_time(answer["status"]["expirationTimestamp"]) - now
        token = Token(answer["status"]["token"], now + min(life * REFRESH_AT, LONGEST_LIFE))
        self._tokens[key] = token
        return token

    def follow(self, uid: str, namespace: str, references: Iterable[tuple[Resource, str]]) -> None:
        """Tell when any of these objects changes, until `forget`; replaces what the pod followed before."""
        wanted = {(resource, namespace, name) for resource, name in references}
        for key in [key for key, users in self._users.items() if uid in users and key not in wanted]:
            self._drop(key, uid)
        for key in wanted:
            self._users.setdefault(key, set()).add(uid)
            self._ensure_watch(key)

    def forget(self, uid: str) -> None:
        """The pod is gone: its watches and tokens too."""
        for key in [key for key, users in self._users.items() if uid in users]:
            self._drop(key, uid)
        for held in [held for held in self._tokens if held[0] == uid]:
            del self._tokens[held]

    def _drop(self, key: Key, uid: str) -> None:
        users = self._users[key]
        users.discard(uid)
        if not users:
            del self._users[key]
            self._versions.pop(key, None)
            if watch := self._watches.pop(key, None):
                watch.cancel()

    def _ensure_watch(self, key: Key) -> None:
        if self._group is not None and key not in self._watches:
            name = f"watch {key[0].plural} {key[1]}/{key[2]}"
            self._watches[key] = self._group.spawn(self._watch_forever(key), name)

    async def _watch_forever(self, key: Key) -> None:
        backoff = Backoff(0.5, cap=30.0, jitter=0.5, clock=self._clock)
        while True:
            try:
                await self._watch(key)
            except (ApiError, ConnectionFailed) as error:
                log.info("watching %s %s/%s: %s", key[0].plural, key[1], key[2], error)
            await self._clock.sleep(backoff.next())

    async def _watch(self, key: Key) -> None:
        resource, namespace, name = key
        selector = f"metadata.name={name}"
        listed = await self._client.list(resource, namespace, field_selector=selector)
        items = listed.get("items") or []
        self._saw(key, items[0]["metadata"]["resourceVersion"] if items else "")
        events = self._client.watch(
            resource,
            namespace,
            resource_version=listed["metadata"]["resourceVersion"],
            field_selector=selector,
            timeout_seconds=900,
        )
        async with aclosing(events):
            async for event in events:
                if event.type in ("ADDED", "MODIFIED"):
                    self._saw(key, event.object["metadata"]["resourceVersion"])
                elif event.type == "DELETED":
                    self._saw(key, "")

    def _saw(self, key: Key, version: str) -> None:
        if self._versions.get(key) == version:
            return
        self._versions[key] = version
        for uid in list(self._users.get(key, ())):
            self._on_change(uid)
