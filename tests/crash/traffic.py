"""Writers and watchers that go on until the server is gone."""

from __future__ import annotations

import itertools
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.crash.ledger import MARK, Acknowledged, Ledger, Seen, seen

from steersman.api import kinds
from steersman.api.errors import ApiError
from steersman.client.rest import JSON_PATCH
from steersman.client.transport import ConnectionFailed

if TYPE_CHECKING:
    from random import Random

    from tests.crash.ledger import Key

    from steersman.api.types import Object
    from steersman.client.rest import Client

NAMESPACES = ("default", "kube-public")
NAMES = 12
"""Objects in each namespace that all writers fight for."""
VERBS = ("create", "create", "update", "update", "patch", "json-patch", "delete")
_tokens = itertools.count(1)


@dataclass
class Writer:
    """Changes objects at random; what it knows of them may be stale, as with any client."""

    random: Random
    ledger: Ledger
    known: dict[Key, Object]

    async def run(self, client: Client) -> None:
        """Write until the connection is lost."""
        while True:
            key = (self.random.choice(NAMESPACES), f"c{self.random.randrange(NAMES)}")
            verb = self.random.choice(VERBS)
            base = self.known.get(key)
            if verb == "update" and base is None:
                continue
            try:
                await self._write(client, verb, key, f"t{next(_tokens)}", base)
            except ConnectionFailed:
                return

    async def _write(self, client: Client, verb: str, key: Key, token: str, base: Object | None) -> None:
        expected = int(base["metadata"]["resourceVersion"]) if base and verb == "update" else 0
        try:
            answer = await self._ask(client, verb, key, token, base)
        except ApiError as error:
            if error.code >= 500:
                raise AssertionError(f"{verb} of {key}: {error}") from error
            self.ledger.refused.add(token)
            self.known.pop(key, None)
            return
        if verb == "delete":
            uid = answer["details"]["uid"]
            self.ledger.acknowledged.append(Acknowledged(verb, key, 0, uid, 0))
            self.known.pop(key, None)
        else:
            revision = int(answer["metadata"]["resourceVersion"])
            self.ledger.acknowledged.append(Acknowledged(verb, key, revision, token, expected))
            self.known[key] = answer

    async def _ask(self, client: Client, verb: str, key: Key, token: str, base: Object | None) -> Object:
        namespace, name = key
        half = self.random.choice(("a", "b"))
        obj: Object = {"metadata": {"name": name, "labels": {"half": half}}, "data": {"token": token}}
        if verb == "create":
            return await client.create(kinds.CONFIG_MAPS, obj, namespace)
        if verb == "update":
            assert base is not None
            version = base["metadata"]["resourceVersion"]
            obj["metadata"] |= {"namespace": namespace, "resourceVersion": version}
            return await client.update(kinds.CONFIG_MAPS, obj)
        if verb == "patch":
            return await client.patch(kinds.CONFIG_MAPS, name, obj, namespace)
        if verb == "json-patch":
            steps: list[Object] = [{"op": "replace", "path": "/data/token", "value": token}]
            return await client.patch(kinds.CONFIG_MAPS, name, steps, namespace, content_type=JSON_PATCH)
        return await client.delete(kinds.CONFIG_MAPS, name, namespace)


async def mark(client: Client, number: int) -> dict[str, int]:
    """Write what every watch must show in each namespace; returns the revisions by namespace."""
    revisions = {}
    for namespace in NAMESPACES:
        metadata = {"name": f"mark{number}", "labels": {"half": MARK}}
        made = await client.create(kinds.CONFIG_MAPS, {"metadata": metadata}, namespace)
        revisions[namespace] = int(made["metadata"]["resourceVersion"])
    return revisions


@dataclass
class Watcher:
    """One watch, taken up again from the last revision it saw; keeps everything it was shown."""

    namespace: str = ""
    label: str = ""
    revision: int = 0
    events: list[Seen] = field(default_factory=list)

    async def run(self, client: Client, until: int = 0) -> None:
        """Follow until the connection is lost, or the mark of a revision was seen."""
        selector = f"half in ({self.label},{MARK})" if self.label else ""
        try:
            async with aclosing(
                client.watch(
                    kinds.CONFIG_MAPS,
                    self.namespace or None,
                    resource_version=str(self.revision),
                    label_selector=selector,
                )
            ) as watching:
                async for kind, obj in watching:
                    revision = int(obj["metadata"]["resourceVersion"])
                    known = self.revision + (kind != "BOOKMARK")
                    assert revision >= known, (kind, obj, self.revision)
                    self.revision = revision
                    if kind != "BOOKMARK":
                        self.events.append(seen(kind, obj))
                    if until and revision >= until:
                        return
        except ConnectionFailed:
            assert not until
