"""What to do next for one pod: a pure function of the pod, what the runtime has of it, and the time.

The rules, from "Pod Lifecycle", "Init Containers" and "Sidecar Containers" of the Kubernetes documentation:

- one ready sandbox; without one, everything of the old one ends and a new one is made, unless the pod is
done;
- init containers one after the other, each to its success, sidecars (restartable ones) each to "started";
- containers together after that; a container that ended is restarted by the restart policy, with a back-off;
- a container whose spec changed or whose liveness or startup probe failed is killed and restarted;
- when nothing runs and nothing may restart, the pod is over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from steersman.kubelet.pods import spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.types import Object
    from steersman.kubelet.cri.observed import Container, PodRuntime, Sandbox

Kind = Literal["init", "regular", "ephemeral"]

FIRST_DELAY = 10.0  # seconds, the documented CrashLoopBackOff
LONGEST_DELAY = 300.0
CALM = 600.0  # seconds of running after which a crash counts as the first again


@dataclass(frozen=True, slots=True)
class Restart:
    """When a container was last restarted, and how long the next crash has to wait."""

    at: float
    delay: float


@dataclass(frozen=True, slots=True)
class Memory:
    """What a worker knows beside the runtime's records; container ids where not said otherwise."""

    restarts: Mapping[str, Restart] = field(default_factory=dict)
    """by container name"""
    unhealthy: Mapping[str, str] = field(default_factory=dict)
    """containers to be killed, with the probe that failed: `liveness` or `startup`"""
    started: frozenset[str] = frozenset()
    """containers whose startup probe has succeeded, or that have none"""
    counts: Mapping[str, int] = field(default_factory=dict)
    """restart counts by container name as the API has them, for when the runtime has forgotten"""


@dataclass(frozen=True, slots=True)
class Kill:
    container: Container
    message: str


@dataclass(frozen=True, slots=True)
class Start:
    container: Object
    kind: Kind
    attempt: int
    restart: Restart | None
    """what to remember when it is started; None for a first start"""


@dataclass(frozen=True, slots=True)
class Plan:
    """In this order: kill the pod, or kill containers; make a sandbox; start containers."""

    kill_pod: bool = False
    finished: bool = False
    """nothing will ever run again"""
    sandbox_attempt: int | None = None
    """number of the sandbox to make; None when there is one, or none is needed"""
    kills: tuple[Kill, ...] = ()
    starts: tuple[Start, ...] = ()
    backoff: Mapping[str, float] = field(default_factory=dict)
    """container name to the delay (seconds) it is held back with"""
    wake: float = float("inf")
    """wall-clock time at which a held-back container may start"""


def plan_pod(pod: Object, runtime: PodRuntime, memory: Memory, now: float) -> Plan:
    """The next steps; an empty plan when all is as it should be."""
    sandbox = usable_sandbox(pod, runtime)
    if sandbox is None:
        return _plan_sandbox(pod, runtime, memory)
    return _Planner(pod, runtime, sandbox, memory, now).plan()


def usable_sandbox(pod: Object, runtime: PodRuntime) -> Sandbox | None:
    """The sandbox in which the pod's containers may run; None when there must be a new one."""
    newest = runtime.sandbox
    if newest is None or not newest.ready or sum(s.ready for s in runtime.sandboxes) > 1:
        return None
    on_host = bool(pod["spec"].get("hostNetwork"))
    if newest.host_network != on_host or (not on_host and not newest.ips):
        return None
    return newest


def _plan_sandbox(pod: Object, runtime: PodRuntime, memory: Memory) -> Plan:
    attempt = runtime.sandbox.attempt + 1 if runtime.sandbox else 0
    if is_over(pod, runtime):
        return Plan(kill_pod=not runtime.empty, finished=True)
    inits = spec.init_containers(pod)
    first = inits[:1] if inits else [c for c in spec.containers(pod) if wants_to_run(pod, c, runtime)]
    kind: Kind = "init" if inits else "regular"
    return Plan(
        kill_pod=bool(runtime.sandboxes),
        sandbox_attempt=attempt,
        starts=tuple(Start(c, kind, next_attempt(c, runtime, memory), None) for c in first),
    )


def is_over(pod: Object, runtime: PodRuntime) -> bool:
    """True when every container has ended and none may be restarted, or an init container has failed
    for good.
    """
    if any(failed_for_good(pod, init, runtime) for init in spec.init_containers(pod)):
        return True
    return not any(wants_to_run(pod, c, runtime) for c in spec.containers(pod))


def failed_for_good(pod: Object, init: Object, runtime: PodRuntime) -> bool:
    """True for an init container that failed and may not be tried again."""
    latest = runtime.latest(init["name"])
    if latest is None or spec.is_sidecar(init) or latest.state != "exited" or latest.exit_code == 0:
        return False
    return policy_of(pod, init) == "Never"


def policy_of(pod: Object, container: Object) -> str:
    """The container's own restart policy, else the pod's."""
    return str(container.get("restartPolicy") or spec.restart_policy(pod))


def wants_to_run(pod: Object, container: Object, runtime: PodRuntime) -> bool:
    """True unless the container has ended and the restart policy leaves it at that."""
    latest = runtime.latest(container["name"])
    if latest is None or latest.state != "exited":
        return True
    policy = policy_of(pod, container)
    return policy == "Always" or (policy == "OnFailure" and latest.exit_code != 0)


def next_attempt(container: Object, runtime: PodRuntime, memory: Memory) -> int:
    latest = runtime.latest(container["name"])
    if latest is not None:
        return latest.attempt + 1
    known = memory.counts.get(container["name"])
    return 0 if known is None else known + 1


class _Planner:
    """One planning pass over a pod with a usable sandbox."""

    def __init__(
        self, pod: Object, runtime: PodRuntime, sandbox: Sandbox, memory: Memory, now: float
    ) -> None:
        self.pod = pod
        self.runtime = runtime
        self.sandbox = sandbox
        self.memory = memory
        self.now = now
        self.kills: list[Kill] = []
        self.starts: list[Start] = []
        self.backoff: dict[str, float] = {}
        self.wake = float("inf")

    def plan(self) -> Plan:
        if is_over(self.pod, self.runtime) and not self._ephemeral_running():
            return Plan(kill_pod=True, finished=True)
        for container in spec.ephemeral_containers(self.pod):
            if self.runtime.latest(container["name"]) is None:
                self.starts.append(Start(container, "ephemeral", 0, None))
        if self._initialized():
            for container in spec.containers(self.pod):
                self._regular(container)
        return Plan(kills=tuple(self.kills), starts=tuple(self.starts), backoff=self.backoff, wake=self.wake)

    def _ephemeral_running(self) -> bool:
        names = {c["name"] for c in spec.ephemeral_containers(self.pod)}
        return any(c.name in names for c in self.runtime.running)

    def _here(self, container: Object) -> Container | None:
        """The newest container of that name in the present sandbox."""
        latest = self.runtime.latest(container["name"])
        return latest if latest is not None and latest.sandbox == self.sandbox.id else None

    def _initialized(self) -> bool:
        """Plan the init containers; True when the containers may start or have started."""
        begun = any(self._here(c) for c in spec.containers(self.pod))
        for init in spec.init_containers(self.pod):
            done = self._sidecar(init) if spec.is_sidecar(init) else begun or self._init_step(init)
            if not done and not begun:
                return False
        return True

    def _sidecar(self, init: Object) -> bool:
        here = self._here(init)
        if here is None:
            self._start(init, "init")
            return False
        if here.state in ("running", "unknown"):
            self._check_running(init, here)
            return here.id in self.memory.started
        self._restart(init, "init", here)
        return False

    def _init_step(self, init: Object) -> bool:
        here = self._here(init)
        if here is None:
            self._start(init, "init")
        elif here.state == "exited" and here.exit_code == 0:
            return True
        elif here.state in ("exited", "created"):
            self._restart(init, "init", here)
        return False

    def _regular(self, container: Object) -> None:
        here = self._here(container)
        if here is None:
            if wants_to_run(self.pod, container, self.runtime):
                self._start(container, "regular")
        elif here.state in ("running", "unknown"):
            self._check_running(container, here)
        elif wants_to_run(self.pod, container, self.runtime):
            self._restart(container, "regular", here)

    def _check_running(self, container: Object, here: Container) -> None:
        name = container["name"]
        if here.hash and here.hash != spec.container_hash(container):
            self.kills.append(Kill(here, f"Container {name} definition changed, will be restarted"))
        elif probe := self.memory.unhealthy.get(here.id):
            again = policy_of(self.pod, container) != "Never"
            tail = ", will be restarted" if again else ""
            self.kills.append(Kill(here, f"Container {name} failed {probe} probe{tail}"))

    def _start(self, container: Object, kind: Kind) -> None:
        attempt = next_attempt(container, self.runtime, self.memory)
        self.starts.append(Start(container, kind, attempt, None))

    def _restart(self, container: Object, kind: Kind, here: Container) -> None:
        name = container["name"]
        known = self.memory.restarts.get(name)
        ended = here.finished or here.created
        if known is not None and ended - known.at > CALM:
            known = None
        if known is not None and self.now < ended + known.delay:
            self.backoff[name] = known.delay
            self.wake = min(self.wake, ended + known.delay)
            return
        delay = FIRST_DELAY if known is None else min(2 * known.delay, LONGEST_DELAY)
        attempt = next_attempt(container, self.runtime, self.memory)
        self.starts.append(Start(container, kind, attempt, Restart(self.now, delay)))
