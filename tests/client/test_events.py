"""Events: counted, combined, cut off. Over the in-process API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import kinds
from steersman.client import EventRecorder
from steersman.runtime.clock import FakeClock

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client import Client

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default", "uid": "1"}}


async def written(client: Client) -> list[Object]:
    found = await client.list(kinds.EVENTS, "default")
    return sorted(found["items"], key=lambda e: str(e["metadata"]["name"]))


async def test_the_same_event_again_raises_the_count(client: Client) -> None:
    recorder = EventRecorder(client, "kubelet", "n1", FakeClock())
    for _ in range(3):
        recorder.event(POD, "Warning", "BackOff", "restarting", field_path="spec.containers{c}")
    await recorder.flush()
    (event,) = await written(client)
    assert event["count"] == 3
    assert event["source"] == {"component": "kubelet", "host": "n1"}
    assert event["involvedObject"]["fieldPath"] == "spec.containers{c}"


async def test_many_similar_events_are_combined(client: Client) -> None:
    recorder = EventRecorder(client, "x", clock=FakeClock())
    for number in range(15):
        recorder.event(POD, "Normal", "Created", f"number {number}")
    await recorder.flush()
    events = await written(client)
    assert len(events) == 11
    (combined,) = (e for e in events if e["message"].startswith("(combined"))
    assert (combined["count"], combined["message"]) == (5, "(combined from similar events): number 14")


async def test_an_object_that_floods_is_cut_off(client: Client) -> None:
    clock = FakeClock()
    recorder = EventRecorder(client, "x", clock=clock)
    for _ in range(40):
        recorder.event(POD, "Normal", "Same", "same")
    await recorder.flush()
    assert [e["count"] for e in await written(client)] == [25]
    clock.advance(301)
    recorder.named("x").event(POD, "Normal", "Same", "same")
    await recorder.flush()
    assert [e["count"] for e in await written(client)] == [26]


async def test_a_deleted_event_is_made_anew(client: Client) -> None:
    recorder = EventRecorder(client, "x", clock=FakeClock())
    recorder.event(POD, "Normal", "Same", "same")
    await recorder.flush()
    await client.delete_collection(kinds.EVENTS, "default")
    recorder.event(POD, "Normal", "Same", "same")
    await recorder.flush()
    assert len(await written(client)) == 1
