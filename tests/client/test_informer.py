"""Informers over a scripted transport: what they make of lists, watches and breaks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson

from steersman.api import kinds, meta
from steersman.client import Client, ConnectionFailed, Informers
from steersman.runtime.clock import FakeClock
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from steersman.api.types import Object


def pod(name: str, version: int, **metadata: object) -> Object:
    return {
        "metadata": {"name": name, "namespace": "d", "uid": name, "resourceVersion": str(version), **metadata}
    }


class Answer:
    def __init__(self, body: bytes, status: int = 200, hold: bool = False) -> None:
        self.body, self.status, self.hold = body, status, hold
        self.headers: Mapping[str, str] = {}

    async def read(self) -> bytes:
        return self.body

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.body), 7):  # lines arrive in pieces
            yield self.body[start : start + 7]
        if self.hold:
            await asyncio.Event().wait()

    def close(self) -> None: ...


class Script:
    """Answers requests in order; the last answer holds the watch open."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers = list(answers)
        self.queries: list[Mapping[str, str]] = []

    async def request(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        self.queries.append(query)
        answer = self.answers.pop(0) if self.answers else Answer(b"", hold=True)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self) -> None: ...


def listed(version: int, *pods: Object) -> Answer:
    return Answer(orjson.dumps({"metadata": {"resourceVersion": str(version)}, "items": list(pods)}))


def watched(*events: tuple[str, Object], hold: bool = False) -> Answer:
    lines = (orjson.dumps({"type": kind, "object": obj}) + b"\n" for kind, obj in events)
    return Answer(b"".join(lines), hold=hold)


async def play(script: Script) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Run an informer of pods through the script: (changes the handler saw, name -> version in the cache)."""
    clock = FakeClock()
    informers = Informers(Client(script), clock)
    informer = informers.informer(kinds.PODS)
    seen: list[tuple[str, str]] = []

    def handler(old: Object | None, new: Object | None) -> None:
        what = "added" if old is None else "deleted" if new is None else "updated"
        seen.append((what, meta.name(new or old or {})))

    informer.add_handler(handler)
    async with TaskGroup() as group:
        task = group.spawn(informers.run(), "informers")
        await clock.run_for(30)
        task.cancel()
    return seen, {meta.name(o): o["metadata"]["resourceVersion"] for o in informer.list()}


async def test_list_then_watch() -> None:
    script = Script(
        listed(5, pod("a", 3), pod("b", 4)),
        watched(
            ("MODIFIED", pod("a", 6)),
            ("DELETED", pod("b", 7)),
            ("BOOKMARK", {"metadata": {"resourceVersion": "9"}}),
            hold=True,
        ),
    )
    seen, cache = await play(script)
    assert seen == [("added", "a"), ("added", "b"), ("updated", "a"), ("deleted", "b")]
    assert cache == {"a": "6"}
    assert script.queries[0]["resourceVersion"] == "0"
    assert script.queries[1]["resourceVersion"] == "5"


async def test_a_broken_watch_goes_on_from_the_last_version() -> None:
    script = Script(
        listed(5), watched(("ADDED", pod("a", 6))), ConnectionFailed("gone"), watched(("ADDED", pod("b", 8)))
    )
    seen, _ = await play(script)
    assert seen == [("added", "a"), ("added", "b")]
    assert [q["resourceVersion"] for q in script.queries[1:5]] == ["5", "6", "6", "8"]


async def test_an_expired_version_is_listed_anew_and_the_difference_reported() -> None:
    expired = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
    script = Script(
        listed(5, pod("a", 3), pod("b", 4)),
        watched(("ERROR", expired)),
        listed(20, pod("b", 4), pod("c", 18)),
    )
    seen, cache = await play(script)
    assert seen == [("added", "a"), ("added", "b"), ("deleted", "a"), ("added", "c")]
    assert cache == {"b": "4", "c": "18"}


async def test_an_object_replaced_under_its_name_is_deleted_and_added() -> None:
    script = Script(listed(5, pod("a", 3)), watched(("MODIFIED", pod("a", 9, uid="other")), hold=True))
    seen, _ = await play(script)
    assert seen == [("added", "a"), ("deleted", "a"), ("added", "a")]


async def test_managed_fields_are_dropped_and_kind_is_there() -> None:
    script = Script(listed(5, pod("a", 3, managedFields=[{}])))
    informers = Informers(Client(script), FakeClock())
    informer = informers.informer(kinds.PODS)
    informer.add_index("name", lambda obj: (meta.name(obj),))
    async with TaskGroup() as group:
        task = group.spawn(informers.run(), "informers")
        await informer.wait_synced()
        task.cancel()
    (found,) = informer.by_index("name", "a")
    assert "managedFields" not in found["metadata"]
    assert (found["kind"], found["apiVersion"]) == ("Pod", "v1")
    assert informers.informer(kinds.PODS) is informer
    assert informers.informer(kinds.PODS, metadata_only=True) is informer
