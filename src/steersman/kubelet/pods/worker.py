"""One pod from its first sight to its last trace.

    live ──────────────> stop ──────> clean ───────> report ─────> (deleted) ──> remove
    observe, plan,       hooks,       volumes,       last          wait for      API object, sandboxes,
    apply, repeat        signals      cgroup         status        deletion      containers, logs

Everything is looked up again at each step, so a worker may be started anew at any time: after a failure, or
when the kubelet itself was restarted.  `live` ends when the pod is deleted, has finished, or has been told
to end.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from typing import TYPE_CHECKING

from steersman.api.errors import ApiError, Conflict, NotFound
from steersman.api.kinds import PODS
from steersman.api.times import parse_time
from steersman.client.transport import ConnectionFailed
from steersman.kubelet import metrics
from steersman.kubelet.cri.client import RuntimeCallFailed
from steersman.kubelet.pods import spec
from steersman.kubelet.pods.admission import refusal
from steersman.kubelet.pods.env import ConfigError
from steersman.kubelet.pods.fields import Addresses
from steersman.kubelet.pods.plan import Memory, Plan, Restart, plan_pod, usable_sandbox
from steersman.kubelet.pods.reporter import Reporter
from steersman.kubelet.pods.resizer import Resizer
from steersman.kubelet.pods.sandbox import log_directory
from steersman.kubelet.pods.starter import KINDS, Starter, StartFailed
from steersman.kubelet.pods.stopper import Stopper
from steersman.kubelet.pods.termination import termination_message
from steersman.kubelet.probes.prober import Health
from steersman.kubelet.status.facts import Facts, Waiting
from steersman.kubelet.volumes.references import live_references
from steersman.runtime.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from steersman.api.types import Object
    from steersman.kubelet.cri.observed import PodRuntime
    from steersman.kubelet.pods.kit import Kit
    from steersman.kubelet.pods.plan import Start

log = logging.getLogger("steersman.kubelet.pods")

HELD = ("CrashLoopBackOff",)


class PodWorker:
    """Drives one pod (one uid)."""

    def __init__(self, kit: Kit, pod: Object) -> None:
        self._kit = kit
        self.pod = pod
        self.uid: str = pod["metadata"]["uid"]
        self.gone = False
        """the API object no longer exists"""
        self._wake = asyncio.Event()
        self._scope: asyncio.Timeout | None = None
        self._starter = Starter(kit)
        self._stopper = Stopper(kit)
        self._reporter = Reporter(kit, new=(pod.get("status") or {}).get("phase") in (None, "Pending"))
        self._resizer = Resizer(kit)
        self._restarts: dict[str, Restart] = {}
        self._waiting: dict[str, Waiting] = {}
        self._holds: dict[str, float] = {}
        self._pause = Backoff(1.0, cap=20.0, reset_after=120.0, clock=kit.clock)
        self._short_pause = Backoff(0.05, cap=5.0, clock=kit.clock)
        self._messages: dict[str, str] = {}
        self._health = Health()
        self._reason = ""
        self._message = ""
        self._grace: int | None = None
        self._stopped = False  # nothing of the pod runs any more, and nothing will

    # ---- told from outside

    @property
    def ending(self) -> bool:
        """The pod must stop: deleted, vanished, evicted, or past its deadline."""
        return self.gone or bool(self._reason) or bool(self.pod["metadata"].get("deletionTimestamp"))

    @property
    def takes_room(self) -> bool:
        """The pod runs or may still run, and the API (so the scheduler) knows of it."""
        over = (self.pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        return not (over or self._stopped or self.gone or self._reason.startswith("OutOf"))

    def update(self, pod: Object) -> None:
        """The pod as the API has it now."""
        before, self.pod = (self.ending, self._current_grace()), pod
        if (self.ending, self._current_grace()) != before and self.ending:
            self._interrupt()
        self.wake()

    def vanish(self) -> None:
        """The API object is gone (or the static pod's file)."""
        self.gone = True
        self._interrupt()
        self.wake()

    def end(self, reason: str, message: str, grace: int | None = None) -> None:
        """Stop the pod and let it fail for this reason (eviction)."""
        self._reason, self._message, self._grace = reason, message, grace
        self._interrupt()
        self.wake()

    def wake(self) -> None:
        """Something that concerns the pod may have changed."""
        self._wake.set()

    def _interrupt(self) -> None:
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(asyncio.get_running_loop().time())

    def _current_grace(self) -> int:
        return spec.grace_period(self.pod) if self._grace is None else self._grace

    # ---- the life of a pod

    async def run(self) -> None:
        """Drive the pod to its last trace; returns when nothing of it is left here."""
        if (self.pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
            self._check_room()
            await self._interruptible(self._live())
        await self._stop()
        await self._clean()
        self._stopped = True
        if not self.gone:
            await self._kit.status.flush(self.uid)
        while not (self.gone or self.pod["metadata"].get("deletionTimestamp")):
            self._wake.clear()
            await self._wake.wait()
        await self._remove()

    def _check_room(self) -> None:
        """Refuse a new pod that the node has no room for; what was begun is never refused."""
        kit = self._kit
        begun = (self.pod.get("status") or {}).get("startTime") or not kit.cache.get(self.uid).empty
        if begun or spec.is_static(self.pod):
            return
        others = [pod for pod in kit.active_pods() if pod["metadata"]["uid"] != self.uid]
        refused = refusal(self.pod, others, kit.node.allocatable)
        if refused is not None:
            kit.recorder.event(self.pod, "Warning", refused.reason, refused.message)
            self._reason, self._message = refused.reason, f"Pod was rejected: {refused.message}"

    async def _interruptible(self, work: Coroutine[object, object, None]) -> bool:
        """Await `work`; False when `_interrupt` ended it early."""
        scope = asyncio.timeout(None)
        try:
            async with scope:
                self._scope = scope
                try:
                    await work
                finally:
                    self._scope = None
        except TimeoutError:
            if not scope.expired():
                raise
            return False
        return True

    async def _live(self) -> None:
        self._kit.outside.follow(self.uid, self.pod["metadata"]["namespace"], live_references(self.pod))
        while not self.ending:
            self._wake.clear()
            wake = await self._sync()
            if wake is None:
                return
            await self._sleep_until(wake)

    async def _sleep_until(self, when: float) -> None:
        now = self._kit.clock.time()
        if when <= now:
            return
        timer = None
        if when != float("inf"):
            timer = self._kit.clock.call_later(when - now, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            if timer is not None:
                timer.cancel()

    async def _sync(self) -> float | None:
        """One round of observe, plan, apply: the time of the next at the latest; None when the pod
        is over.
        """
        kit = self._kit
        try:
            runtime = await self._observe()
            now = kit.clock.time()
            self._holds = {name: until for name, until in self._holds.items() if until > now}
            if self._past_deadline(now):
                return None
            plan = plan_pod(self.pod, runtime, self._memory(), now)
            self._note(plan, runtime)
            self._publish(runtime)
            if plan.finished:
                return None
            if not await self._volumes_ready(runtime):
                return kit.clock.time() + self._pause.next("volumes")
            acted = await self._apply(plan, runtime) or await self._resizer.apply(self.pod, runtime)
        except RuntimeCallFailed as error:
            log.warning("pod %s: %s", spec.full_name(self.pod), error)
            return kit.clock.time() + self._pause.next("runtime")
        except ConfigError:
            return kit.clock.time() + self._pause.next("sandbox")
        if acted:
            return 0.0
        return min(plan.wake, *self._holds.values(), kit.volumes.wake_at(self.uid), self._deadline())

    async def _observe(self) -> PodRuntime:
        runtime = await self._kit.cache.refresh(self.uid)
        for one in runtime.containers:
            if one.state == "exited" and one.id not in self._messages:
                self._messages[one.id] = termination_message(one)
        self._resizer.observe(self._reporter.shown(self.pod), runtime)
        sandbox = usable_sandbox(self.pod, runtime)
        ips = self._kit.node.ips if self.pod["spec"].get("hostNetwork") else (sandbox.ips if sandbox else ())
        self._health = self._kit.prober.sync(self._reporter.shown(self.pod), runtime, next(iter(ips), ""))
        return runtime

    def _memory(self) -> Memory:
        status = self.pod.get("status") or {}
        counts = {
            entry["name"]: int(entry.get("restartCount", 0))
            for group in ("initContainerStatuses", "containerStatuses")
            for entry in status.get(group) or ()
            if entry.get("containerID")
        }
        return Memory(self._restarts, self._health.unhealthy, self._health.started, counts)

    def _note(self, plan: Plan, runtime: PodRuntime) -> None:
        """Keep the reasons why containers wait in step with the plan."""
        for name in [n for n, w in self._waiting.items() if w.reason in HELD and n not in plan.backoff]:
            del self._waiting[name]
        for one in runtime.running:
            self._waiting.pop(one.name, None)
        for name, delay in plan.backoff.items():
            where = spec.full_name(self.pod)
            text = f"back-off {_duration(delay)} restarting failed container={name} pod={where}"
            if self._waiting.get(name) != Waiting("CrashLoopBackOff", text):
                event = f"Back-off restarting failed container {name} in pod {where}"
                path = f"spec.containers{{{name}}}"
                self._kit.recorder.event(self.pod, "Warning", "BackOff", event, field_path=path)
            self._waiting[name] = Waiting("CrashLoopBackOff", text)

    async def _volumes_ready(self, runtime: PodRuntime) -> bool:
        """Set volumes up, or refresh them; a running pod goes on without the refresh."""
        kit = self._kit
        sandbox = usable_sandbox(self.pod, runtime)
        addresses = Addresses(sandbox.ips if sandbox else (), kit.node.ips)
        failures = await kit.volumes.set_up(self.pod, addresses, kit.node.allocatable, kit.clock.time())
        for failure in failures:
            kit.recorder.event(self.pod, "Warning", "FailedMount", failure.message)
        if failures and runtime.running:
            self._holds["(volumes)"] = kit.clock.time() + self._pause.next("volumes")
        return not failures or bool(runtime.running)

    async def _apply(self, plan: Plan, runtime: PodRuntime) -> bool:
        """Carry the plan out; True when something was done, so that it is time to look again."""
        kit, pod = self._kit, self.pod
        if plan.kill_pod and plan.sandbox_attempt is not None and runtime.sandboxes:
            text = "Pod sandbox changed, it will be killed and re-created."
            kit.recorder.event(pod, "Normal", "SandboxChanged", text)
            await self._stopper.stop_pod(pod, runtime, self._current_grace())
        if plan.sandbox_attempt is not None:
            await self._starter.make_sandbox(pod, plan.sandbox_attempt)
            return True
        for kill in plan.kills:
            grace = self._probe_grace(kill.container.id, kill.container.name)
            await self._stopper.stop_container(pod, kill.container, kill.message, grace)
        acted = bool(plan.kills)
        sandbox = usable_sandbox(pod, runtime)
        for start in plan.starts:
            if sandbox is not None and self._holds.get(start.container["name"], 0.0) <= kit.clock.time():
                acted = await self._start(start, runtime) or acted
        if not plan.starts:
            await self._tidy(runtime)
        return acted

    async def _start(self, start: Start, runtime: PodRuntime) -> bool:
        name = start.container["name"]
        sandbox = usable_sandbox(self.pod, runtime)
        assert sandbox is not None
        try:
            await self._starter.start(self.pod, runtime, sandbox, start)
        except StartFailed as error:
            metrics.START_ERRORS.labels(KINDS[start.kind], error.waiting.reason).inc()
            self._waiting[name] = error.waiting
            pause = self._kit.clock.time() + self._pause.next(name)
            if error.waiting.reason == "ImagePullBackOff":
                pause = max(pause, self._kit.images.wake_at(self.pod))
            self._holds[name] = pause
            if start.restart is not None and error.waiting.reason in (
                "RunContainerError",
                "PostStartHookError",
            ):
                self._restarts[name] = start.restart
            self._publish(await self._observe())
            return False
        self._holds.pop(name, None)
        self._waiting.pop(name, None)
        self._pause.forget(name)
        if start.restart is not None:
            self._restarts[name] = start.restart
        return True

    def _probe_grace(self, identity: str, name: str) -> int:
        """The grace period of a kill: that of the probe which failed, else the pod's."""
        probe = self._health.unhealthy.get(identity)
        container = spec.find_container(self.pod, name) or {}
        own = (container.get(f"{probe}Probe") or {}).get("terminationGracePeriodSeconds") if probe else None
        return spec.grace_period(self.pod) if own is None else int(own)

    async def _tidy(self, runtime: PodRuntime) -> None:
        """Remove dead containers that nobody can ask for any more: all but the two newest of a name."""
        kept: dict[str, int] = {}
        used = set()
        for one in runtime.containers:
            kept[one.name] = kept.get(one.name, 0) + 1
            if kept[one.name] <= 2 or one.state != "exited":
                used.add(one.sandbox)
                continue
            await self._kit.runtime.remove_container(one.id)
            if one.log_path and os.path.exists(one.log_path):
                os.unlink(one.log_path)
            self._messages.pop(one.id, None)
        for old in runtime.sandboxes[1:]:
            if not old.ready and old.id not in used:
                await self._kit.runtime.remove_sandbox(old.id)

    # ---- status and deadlines

    def _publish(self, runtime: PodRuntime, *, terminal: bool = False) -> None:
        node = self._kit.node
        facts = Facts(
            waiting=self._waiting,
            started=self._health.started,
            unready=self._health.unready,
            messages=self._messages,
            host_ips=node.ips,
            runtime_name=node.runtime_name,
            resources=self._resizer.applied,
            resize=self._resizer.pending,
            terminal=terminal,
            reason=self._reason,
            message=self._message,
        )
        self._reporter.publish(self.pod, runtime, facts)

    def _deadline(self) -> float:
        """Wall-clock time of activeDeadlineSeconds; infinite without one."""
        seconds = self.pod["spec"].get("activeDeadlineSeconds")
        began = (self._reporter.shown(self.pod).get("status") or {}).get("startTime")
        if seconds is None or not began:
            return float("inf")
        return parse_time(began) + float(seconds)

    def _past_deadline(self, now: float) -> bool:
        if now < self._deadline():
            return False
        self._reason = "DeadlineExceeded"
        self._message = "Pod was active on the node longer than the specified deadline"
        self._kit.recorder.event(self.pod, "Normal", self._reason, self._message)
        return True

    # ---- the end

    async def _stop(self) -> None:
        """End everything that runs; a shorter grace period takes effect at once."""
        while True:
            try:
                runtime = await self._kit.cache.refresh(self.uid)
                if not runtime.running and not any(s.ready for s in runtime.sandboxes):
                    return
                await self._interruptible(self._stopper.stop_pod(self.pod, runtime, self._current_grace()))
            except* RuntimeCallFailed as errors:
                log.warning("stopping pod %s: %s", spec.full_name(self.pod), errors.exceptions[0])
                await self._kit.clock.sleep(self._pause.next("stop"))

    async def _clean(self) -> None:
        """Give back what the pod held: probes, watches, volumes, cgroup; then its last status."""
        runtime = await self._observe_dead()
        kit = self._kit
        kit.prober.forget(self.uid)
        kit.outside.forget(self.uid)
        kit.images.forget(self.uid)
        if not self.gone:
            self._publish(runtime, terminal=self.ending)
        while True:
            try:
                await kit.volumes.tear_down(self.uid)
                kit.cgroups.remove_pod(self.uid)
                return
            except OSError as error:
                pause = self._short_pause.next("clean")  # a cgroup is busy while its last process is reaped
                if pause > 1.0:
                    log.info("cleaning up pod %s: %s", spec.full_name(self.pod), error)
                await kit.clock.sleep(pause)

    async def _observe_dead(self) -> PodRuntime:
        while True:
            try:
                return await self._observe()
            except RuntimeCallFailed as error:
                log.warning("pod %s: %s", spec.full_name(self.pod), error)
                await self._kit.clock.sleep(self._pause.next("runtime"))

    async def _remove(self) -> None:
        """Delete the API object for good, then what the runtime keeps of the pod."""
        if not self.gone and not spec.is_static(self.pod):
            self._publish(await self._observe_dead(), terminal=True)
            await self._kit.status.flush(self.uid)
            await self._delete_object()
        self._kit.prober.forget(self.uid)
        self._kit.status.forget(self.uid)
        while True:
            try:
                for sandbox in (await self._kit.cache.refresh(self.uid)).sandboxes:
                    await self._kit.runtime.remove_sandbox(sandbox.id)
                break
            except RuntimeCallFailed as error:
                log.warning("removing pod %s: %s", spec.full_name(self.pod), error)
                await self._kit.clock.sleep(self._pause.next("remove"))
        shutil.rmtree(log_directory(self.pod, self._kit.logs), ignore_errors=True)
        await self._kit.cache.refresh(self.uid)

    async def _delete_object(self) -> None:
        meta = self.pod["metadata"]
        while not self.gone:
            try:
                await self._kit.client.delete(
                    PODS, meta["name"], meta["namespace"], grace_period_seconds=0, uid=self.uid
                )
                return
            except NotFound:
                return
            except (ApiError, ConnectionFailed) as error:
                if isinstance(error, Conflict) and not await self._kit.status.still_there(self.pod):
                    return
                log.warning("deleting pod %s/%s: %s", meta["namespace"], meta["name"], error)
                await self._kit.clock.sleep(self._pause.next("delete"))


def _duration(seconds: float) -> str:
    """As Go prints a duration: `10s`, `2m40s`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
