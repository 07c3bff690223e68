from __future__ import annotations

from typing import Any

import pytest
from tests.scheduler.objects import Object, World, node, pod, taint

from steersman.runtime.clock import FakeClock
from steersman.scheduler.config import SchedulerConfig
from steersman.scheduler.framework import Event
from steersman.scheduler.nominations import Nominations
from steersman.scheduler.observer import Observer, node_events
from steersman.scheduler.queue import Queue


class Watched(World):
    """A world that is told by events."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = Queue(SchedulerConfig(), FakeClock(), {"Fit": frozenset((Event.POD_GONE,))})
        self.observer = Observer("default-scheduler", self.cluster, self.queue, self.templates, Nominations())
        self.observer.node_changed(None, node("a"))

    def cpu(self) -> int:
        return int(self.cluster.requested[0, self.cluster.row_of["a"]])

    def assume(self, obj: Object) -> None:
        self.observer.pod_changed(None, obj)
        waiting = self.queue.pop()
        assert waiting is not None
        self.observer.assume(waiting.pod, "a")


ASKED = pod("p", requests={"cpu": "1"})
BOUND = ASKED | {"spec": ASKED["spec"] | {"nodeName": "a"}}


def test_a_pod_counts_from_when_it_is_assumed_and_only_once() -> None:
    world = Watched()
    world.assume(ASKED)
    assert world.cpu() == 1000
    world.observer.pod_changed(ASKED, BOUND)
    assert (world.cpu(), world.observer.assumed) == (1000, {})
    world.observer.pod_changed(BOUND, BOUND | {"status": {"phase": "Succeeded"}})
    assert world.cpu() == 0


def test_a_binding_that_failed_gives_the_pod_back_as_it_is_now() -> None:
    world = Watched()
    world.assume(ASKED)
    changed = ASKED | {"spec": ASKED["spec"] | {"tolerations": [{"operator": "Exists"}]}}
    world.observer.pod_changed(ASKED, changed)
    again = world.observer.forget("uid-p")
    assert again is not None
    assert (again.node, again.template.tolerations) == ("", ({"operator": "Exists"},))
    assert world.cpu() == 0


def test_a_pod_deleted_while_it_is_bound_is_not_tried_again() -> None:
    world = Watched()
    world.assume(ASKED)
    world.observer.pod_changed(ASKED, None)
    assert world.observer.forget("uid-p") is None
    assert (world.cpu(), len(world.queue)) == (0, 0)


def test_a_binding_seen_before_its_answer_is_kept() -> None:
    world = Watched()
    world.assume(ASKED)
    world.observer.pod_changed(ASKED, BOUND)
    assert world.observer.forget("uid-p") is None
    assert world.cpu() == 1000


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param(pod("p", schedulerName="other"), id="another scheduler's"),
        pytest.param(pod("p") | {"status": {"phase": "Failed"}}, id="over"),
        pytest.param(pod("p", node="a"), id="placed"),
    ],
)
def test_pods_that_are_not_to_be_scheduled(obj: Object) -> None:
    world = Watched()
    world.observer.pod_changed(None, obj)
    assert len(world.queue) == 0


def test_a_new_pod_of_the_same_name_is_another_pod() -> None:
    world = Watched()
    other: Any = ASKED | {"metadata": ASKED["metadata"] | {"uid": "uid-new"}}
    world.observer.pod_changed(None, BOUND)
    world.observer.pod_changed(BOUND, other)
    assert world.cpu() == 0
    assert world.queue.get("uid-new") is not None


@pytest.mark.parametrize(
    ("new", "events"),
    [
        pytest.param(node("a"), [], id="a heartbeat"),
        pytest.param(node("a", cpu="8"), [Event.NODE_ALLOCATABLE], id="more cpu"),
        pytest.param(node("a", labels={"x": "y"}), [Event.NODE_LABELS], id="a label"),
        pytest.param(node("a", taints=[taint("k")]), [Event.NODE_TAINTS], id="a taint"),
        pytest.param(node("a", cordoned=True), [Event.NODE_CORDON], id="a cordon"),
    ],
)
def test_what_changed_about_a_node(new: Object, events: list[Event]) -> None:
    assert node_events(node("a"), new) == events
