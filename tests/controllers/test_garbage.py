"""The garbage collector's graph and decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.controllers.cluster import running

from steersman.api import kinds, meta
from steersman.controllers.garbagecollector.graph import FOREGROUND, ORPHAN, Graph
from steersman.controllers.garbagecollector.plan import Decision, OwnerState, plan_fate, plan_foreground

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client import Client


def thing(uid: str, *owners: str, finalizer: str = "", deleting: bool = False, blocks: bool = True) -> Object:
    references = [{"uid": owner, "name": owner, "blockOwnerDeletion": blocks} for owner in owners]
    metadata: Object = {"name": uid, "uid": uid, "ownerReferences": references}
    if finalizer:
        metadata["finalizers"] = [finalizer]
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"metadata": metadata}


WAITING = thing("w", finalizer=FOREGROUND, deleting=True)


@pytest.mark.parametrize(
    ("obj", "owners", "dependents", "expected"),
    [
        pytest.param(thing("o"), {"a": "solid"}, [], Decision(), id="owner there"),
        pytest.param(thing("o"), {"a": "dangling"}, [], Decision("Background"), id="owner gone"),
        pytest.param(
            thing("o"),
            {"a": "solid", "b": "dangling"},
            [],
            Decision(drop_owners=frozenset("b")),
            id="one left",
        ),
        pytest.param(thing("o"), {"a": "waiting"}, [], Decision("Background"), id="owner waits for it"),
        pytest.param(
            thing("o"), {"a": "waiting"}, [thing("d")], Decision("Foreground"), id="and it has its own"
        ),
        pytest.param(
            thing("o"), {"a": "waiting"}, [WAITING], Decision("Foreground", unblock=True), id="in a circle"
        ),
        pytest.param(thing("o", finalizer=ORPHAN), {"a": "dangling"}, [], Decision("Orphan"), id="orphaning"),
        pytest.param(thing("o"), {}, [], Decision(), id="no owners"),
    ],
)
def test_fate(
    obj: Object, owners: dict[str, OwnerState], dependents: list[Object], expected: Decision
) -> None:
    assert plan_fate(obj, owners, dependents) == expected


def test_a_waiting_owner_goes_when_nothing_blocks_it() -> None:
    assert plan_foreground(WAITING, []) == (True, [])
    assert plan_foreground(WAITING, [thing("d", "w", blocks=False)]) == (True, [])
    assert plan_foreground(WAITING, [thing("d", "w")]) == (False, ["d"])


class Cache(dict[str, "Object"]):
    """Stands for an informer: the graph only asks it for objects by name."""

    def get(self, name: str, namespace: str = "") -> Object | None:  # type: ignore[override]
        return super().get(name)


def test_the_graph_says_who_needs_a_look() -> None:
    graph, cache = Graph(), Cache()

    def change(old: Object | None, new: Object | None) -> set[str]:
        if new is not None:
            cache[meta.name(new)] = new
        elif old is not None:
            del cache[meta.name(old)]
        return graph.change(cache, old, new)  # type: ignore[arg-type]

    owner, child = thing("o"), thing("c", "o")
    assert change(None, owner) == set()
    assert change(None, child) == {"c"}
    assert [meta.uid(d) for d in graph.dependents("o")] == ["c"]
    waiting = thing("o", finalizer=FOREGROUND, deleting=True)
    assert change(owner, waiting) == {"o", "c"}
    assert change(child, None) == {"o"}
    again = thing("c2", "o")
    change(None, again)
    assert change(waiting, None) == {"c2"}
    assert graph.is_absent("o", "")


async def test_a_dangling_owner_reference_means_deletion_and_a_living_one_does_not(client: Client) -> None:
    living = await client.create(kinds.CONFIG_MAPS, {"metadata": {"name": "o", "namespace": "default"}})

    async def owned(name: str, uid: str, kind: str = "ConfigMap") -> None:
        reference = {"apiVersion": "v1", "kind": kind, "name": "o", "uid": uid}
        metadata = {"name": name, "namespace": "default", "ownerReferences": [reference]}
        await client.create(kinds.CONFIG_MAPS, {"metadata": metadata})

    await owned("kept", meta.uid(living))
    await owned("dangling", "nobody")
    await owned("unknown", "nobody", "Martian")
    async with running(client, "garbage-collector-controller") as cluster:

        async def names() -> bool:
            found = (await client.list(kinds.CONFIG_MAPS, "default"))["items"]
            return sorted(map(meta.name, found)) == ["kept", "o", "unknown"]

        await cluster.eventually(names)
        await client.delete(kinds.CONFIG_MAPS, "o", "default")

        async def none() -> bool:
            found = (await client.list(kinds.CONFIG_MAPS, "default"))["items"]
            return list(map(meta.name, found)) == ["unknown"]

        await cluster.eventually(none)
