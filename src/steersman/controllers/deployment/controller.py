"""The Deployment controller: observe its ReplicaSets, plan sizes, apply, write the status. See README.md.

Reads Deployments, ReplicaSets and (for Recreate) Pods from caches; writes ReplicaSets, the revision
annotation and the status. Source: k8s pkg/controller/deployment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import AlreadyExists, ApiError, NotFound
from steersman.api.labels import selector_from_label_selector
from steersman.controllers import ownership, pods
from steersman.controllers.deployment import revisions, rollout, status
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.api.types import Object

__all__ = ["DeploymentController"]


class DeploymentController(Controller):
    name = "deployment-controller"
    workers = 5

    def setup(self) -> None:
        self.deployments = self.informer(kinds.DEPLOYMENTS)
        self.sets = self.informer(kinds.REPLICA_SETS)
        self.pods = self.informer(kinds.PODS)
        ownership.index_by_controller(self.sets)
        ownership.index_by_controller(self.pods)
        self.for_each(self.deployments)
        self.for_owner(self.sets, kinds.DEPLOYMENTS)
        self.sets.add_handler(self._orphan_changed)
        self.pods.add_handler(self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        """Take one step towards `spec`; ReplicaSets' progress starts the next."""
        space, name = meta.split_key(key)
        deployment = self.deployments.get(name, space)
        if deployment is None:
            self.writes.forget(key)
            return None
        if not any((deployment["spec"].get("selector") or {}).values()):
            text = "This deployment is selecting all pods. A non-empty selector is required."
            self.recorder.event(deployment, "Warning", "SelectingAll", text)
            return None
        selector = selector_from_label_selector(deployment["spec"]["selector"])
        sets = await ownership.claim(self.client, self.sets, kinds.DEPLOYMENTS, deployment, selector)
        if meta.deleting(deployment):
            new, old = revisions.split(deployment, sets)
            return await self._write_status(deployment, new, old, rolling=False)
        conditions = status.plan_pause_condition(deployment, self.clock.time())
        if conditions is not None:
            changed = deployment | {"status": (deployment.get("status") or {}) | {"conditions": conditions}}
            deployment = await self.client.update(kinds.DEPLOYMENTS, changed, subresource="status")
        if deployment["spec"].get("paused") or rollout.needs_scaling(deployment, sets):
            return await self._resize(key, deployment, sets)
        if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
            return await self._recreate(key, deployment, sets)
        return await self._roll(key, deployment, sets)

    async def _resize(self, key: str, deployment: Object, sets: Sequence[Object]) -> float | None:
        """Paused, or the size changed: no rollout step, only sizes."""
        new, old = revisions.split(deployment, sets)
        if new is not None:
            deployment, new = await self._sync_revision(key, deployment, new, old)
        scales = rollout.plan_proportional(deployment, new, old)
        new, old = await self._scale(key, deployment, scales, new, old)
        if deployment["spec"].get("paused"):
            await self._clean_up(key, deployment, old)
        return await self._write_status(deployment, new, old, rolling=False)

    async def _roll(self, key: str, deployment: Object, sets: Sequence[Object]) -> float | None:
        deployment, new, old = await self._new_set(key, deployment, sets)
        scales = rollout.plan_rolling(deployment, new, old)
        if not scales and status.complete(deployment, deployment.get("status") or {}):
            await self._clean_up(key, deployment, old)
        updated, old = await self._scale(key, deployment, scales, new, old)
        return await self._write_status(deployment, updated, old, rolling=True)

    async def _recreate(self, key: str, deployment: Object, sets: Sequence[Object]) -> float | None:
        found, old = revisions.split(deployment, sets)
        left = self._old_pods_left(deployment, found)
        scales = rollout.plan_recreate(deployment, found, old, left)
        if scales is not None and not any(rollout.replicas_of(rs) for rs in old):
            deployment, found, old = await self._new_set(key, deployment, sets)
            scales = rollout.plan_recreate(deployment, found, old, left)
            if not scales and status.complete(deployment, deployment.get("status") or {}):
                await self._clean_up(key, deployment, old)
        found, old = await self._scale(key, deployment, scales or [], found, old)
        return await self._write_status(deployment, found, old, rolling=True)

    def _old_pods_left(self, deployment: Object, new: Object | None) -> bool:
        """Whether a pod of another template has still to end."""
        for rs in ownership.controlled(self.sets, meta.uid(deployment)):
            if new is None or meta.uid(rs) != meta.uid(new):
                for pod in ownership.controlled(self.pods, meta.uid(rs)):
                    if not pods.is_terminal(pod):
                        return True
        return False

    async def _new_set(
        self, key: str, deployment: Object, sets: Sequence[Object]
    ) -> tuple[Object, Object, list[Object]]:
        """The ReplicaSet of the present template, made when missing, its revision in step."""
        new, old = revisions.split(deployment, sets)
        if new is None:
            deployment, new = await self._create_set(key, deployment, old)
        deployment, new = await self._sync_revision(key, deployment, new, old)
        return deployment, new, old

    async def _create_set(self, key: str, deployment: Object, old: Sequence[Object]) -> tuple[Object, Object]:
        surge = rollout.fences(deployment).surge
        size = rollout.initial_size(deployment, None, old)
        wanted = revisions.make_replica_set(deployment, revisions.next_revision(old), size, surge)
        try:
            made = await self.client.create(kinds.REPLICA_SETS, wanted)
        except AlreadyExists:
            return deployment, await self._taken_name(deployment, wanted)
        except ApiError as error:
            await self._creation_failed(deployment, meta.name(wanted), error)
            raise
        self.writes.wrote(key, self.sets, made)
        if size:
            text = f"Scaled up replica set {meta.name(made)} from 0 to {size}"
            self.recorder.event(deployment, "Normal", "ScalingReplicaSet", text)
        text = f'Created new replica set "{meta.name(made)}"'
        return self._noted(deployment, "True", "NewReplicaSetCreated", text), made

    async def _taken_name(self, deployment: Object, wanted: Object) -> Object:
        """The name is in use: by our own set that the cache lacks, or by another (then the hash must
        change)."""
        present = await self.client.get(kinds.REPLICA_SETS, meta.name(wanted), meta.namespace(wanted))
        template = deployment["spec"]["template"]
        if meta.is_controlled_by(present, deployment) and revisions.same_template(
            present["spec"]["template"], template
        ):
            return present
        old = deployment.get("status") or {}
        collided = deployment | {"status": old | {"collisionCount": (old.get("collisionCount") or 0) + 1}}
        await self.client.update(kinds.DEPLOYMENTS, collided, subresource="status")
        raise AlreadyExists(f'replica set "{meta.name(wanted)}" is not of this deployment; hashing anew')

    async def _creation_failed(self, deployment: Object, name: str, error: ApiError) -> None:
        text = f'Failed to create new replica set "{name}": {error}'
        self.recorder.event(deployment, "Warning", "FailedCreate", text)
        noted = self._noted(deployment, "False", "ReplicaSetCreateError", text)
        if noted is not deployment:
            await self.client.update(kinds.DEPLOYMENTS, noted, subresource="status")

    def _noted(self, deployment: Object, state: str, reason: str, text: str) -> Object:
        """The Deployment with its Progressing condition set; written with the next status."""
        if not status.has_deadline(deployment):
            return deployment
        old = deployment.get("status") or {}
        conditions = status.put_condition(
            old.get("conditions"), "Progressing", state, reason, text, self.clock.time()
        )
        return deployment | {"status": old | {"conditions": conditions}}

    async def _sync_revision(
        self, key: str, deployment: Object, new: Object, old: Sequence[Object]
    ) -> tuple[Object, Object]:
        """Annotations and minReadySeconds of the new set, and the Deployment's own revision annotation."""
        notes = revisions.annotations_for(deployment, new, revisions.next_revision(old))
        seconds = deployment["spec"].get("minReadySeconds") or 0
        if notes != meta.annotations(new) or seconds != (new["spec"].get("minReadySeconds") or 0):
            spec = new["spec"] | {"minReadySeconds": seconds}
            changed = new | {"metadata": new["metadata"] | {"annotations": notes}, "spec": spec}
            new = await self.client.update(kinds.REPLICA_SETS, changed)
            self.writes.wrote(key, self.sets, new)
        if meta.get_condition(deployment, "Progressing") is None:
            text = f'Found new replica set "{meta.name(new)}"'
            deployment = self._noted(deployment, "True", "FoundNewReplicaSet", text)
        number = meta.annotations(new).get(revisions.REVISION, "")
        if meta.annotations(deployment).get(revisions.REVISION) != number:
            own = meta.annotations(deployment) | {revisions.REVISION: number}
            changed = deployment | {"metadata": deployment["metadata"] | {"annotations": own}}
            answer = await self.client.update(kinds.DEPLOYMENTS, changed)
            deployment = answer | {"status": deployment.get("status") or {}}
            self.writes.wrote(key, self.deployments, answer)
        return deployment, new

    async def _scale(
        self,
        key: str,
        deployment: Object,
        scales: Sequence[rollout.Scale],
        new: Object | None,
        old: Sequence[Object],
    ) -> tuple[Object | None, list[Object]]:
        """Write sizes; returns the sets as they are then."""
        fresh: dict[str, Object] = {}
        sizes = revisions.size_annotations(deployment, rollout.fences(deployment).surge)
        for rs, replicas in scales:
            notes = meta.annotations(rs) | sizes
            before = rollout.replicas_of(rs)
            if before == replicas and notes == meta.annotations(rs):
                continue
            changed = rs | {
                "metadata": rs["metadata"] | {"annotations": notes},
                "spec": rs["spec"] | {"replicas": replicas},
            }
            fresh[meta.uid(rs)] = await self.client.update(kinds.REPLICA_SETS, changed)
            self.writes.wrote(key, self.sets, fresh[meta.uid(rs)])
            if before != replicas:
                way = "up" if replicas > before else "down"
                text = f"Scaled {way} replica set {meta.name(rs)} from {before} to {replicas}"
                self.recorder.event(deployment, "Normal", "ScalingReplicaSet", text)
        if new is not None:
            new = fresh.get(meta.uid(new), new)
        return new, [fresh.get(meta.uid(rs), rs) for rs in old]

    async def _clean_up(self, key: str, deployment: Object, old: Sequence[Object]) -> None:
        for rs in revisions.obsolete(deployment, old):
            try:
                await self.client.delete(
                    kinds.REPLICA_SETS, meta.name(rs), meta.namespace(rs), uid=meta.uid(rs)
                )
            except NotFound:
                continue
            self.writes.deleted(key, self.sets, rs)

    async def _write_status(
        self, deployment: Object, new: Object | None, old: Sequence[Object], *, rolling: bool
    ) -> float | None:
        now = self.clock.time()
        sets = [*old] if new is None else [*old, new]
        plan = status.plan_rollout_status if rolling else status.plan_status
        wanted = plan(deployment, new, sets, now)
        cached = self.deployments.get(meta.name(deployment), meta.namespace(deployment)) or deployment
        if wanted != (cached.get("status") or {}):
            await self.client.update(kinds.DEPLOYMENTS, deployment | {"status": wanted}, subresource="status")
        return status.deadline_left(deployment, wanted, now) if rolling else None

    def _orphan_changed(self, old: Object | None, new: Object | None) -> None:
        """A ReplicaSet without controller: Deployments of its namespace may adopt it."""
        if new is None or meta.controller_of(new) is not None:
            return
        for deployment in self.deployments.list(meta.namespace(new)):
            selector = selector_from_label_selector(deployment["spec"].get("selector"))
            if selector.matches(meta.labels(new)):
                self.queue.add(meta.key(deployment))

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        """Recreate waits for the last old pod to go."""
        pod = old if new is None else new
        if pod is None or not (new is None or pods.is_terminal(pod)):
            return
        reference = meta.controller_of(pod)
        if reference is None or reference["kind"] != "ReplicaSet":
            return
        rs = self.sets.get(reference["name"], meta.namespace(pod))
        owner = meta.controller_of(rs) if rs is not None else None
        deployment = self.deployments.get(owner["name"], meta.namespace(pod)) if owner is not None else None
        if deployment is not None:
            strategy = deployment["spec"].get("strategy") or {}
            if strategy.get("type") == "Recreate":
                self.queue.add(meta.key(deployment))
