"""The StatefulSet controller: keeps revisions, applies `plan`, writes the status. See README.md."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import AlreadyExists, ApiError, NotFound
from steersman.api.labels import selector_from_label_selector
from steersman.controllers import ownership
from steersman.controllers.history import History
from steersman.controllers.runtime import Controller
from steersman.controllers.statefulset.identity import claims, make_pod, ordinal_of, revision_of
from steersman.controllers.statefulset.plan import plan_set, plan_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.api.types import Object
    from steersman.controllers.history import Revisions
    from steersman.controllers.statefulset.plan import SetPlan

__all__ = ["StatefulSetController"]


class StatefulSetController(Controller):
    name = "statefulset-controller"

    def setup(self) -> None:
        self.sets = self.informer(kinds.STATEFUL_SETS)
        self.pods = self.informer(kinds.PODS)
        self.history = History(self.client, self.informer(kinds.CONTROLLER_REVISIONS), kinds.STATEFUL_SETS)
        ownership.index_by_controller(self.pods)
        self.for_each(self.sets)
        self.for_owner(self.pods, kinds.STATEFUL_SETS)
        self.pods.add_handler(self._orphan_changed)

    async def reconcile(self, key: str) -> float | None:
        """Take the next step of one set."""
        space, name = meta.split_key(key)
        owner = self.sets.get(name, space)
        if owner is None:
            self.writes.forget(key)
            return None
        selector = selector_from_label_selector(owner["spec"].get("selector"))
        owned = await ownership.claim(self.client, self.pods, kinds.STATEFUL_SETS, owner, selector)
        status = owner.get("status") or {}
        revisions = await self.history.sync(owner, status.get("currentRevision") or "")
        current, update = meta.name(revisions.current), meta.name(revisions.update)
        now = self.clock.time()
        plan = plan_set(owner, owned, current, update, now)
        failure = await self._apply(key, owner, plan, revisions)
        wanted = plan_status(owner, owned, current, update, now)
        if wanted != status:
            await self.client.update(kinds.STATEFUL_SETS, owner | {"status": wanted}, subresource="status")
        if failure is not None:
            raise failure
        live = {current, update, wanted["currentRevision"], *map(revision_of, owned)}
        limit = owner["spec"].get("revisionHistoryLimit")
        await self.history.prune(revisions.all, live, 10 if limit is None else limit)
        return plan.again

    async def _apply(self, key: str, owner: Object, plan: SetPlan, revisions: Revisions) -> Exception | None:
        for pod in plan.recreate:
            text = f"StatefulSet {meta.key(owner)} is recreating failed Pod {meta.name(pod)}"
            self.recorder.event(owner, "Warning", "RecreatingFailedPod", text)
        deletes = [self._delete(key, owner, pod) for pod in (*plan.recreate, *plan.delete)]
        creates = [self._create(key, owner, o, self._template(revisions, r), r) for o, r in plan.create]
        results = await asyncio.gather(*deletes, *creates, return_exceptions=True)
        return next((result for result in results if isinstance(result, Exception)), None)

    @staticmethod
    def _template(revisions: Revisions, name: str) -> Object:
        found = next(r for r in reversed(revisions.all) if meta.name(r) == name)
        template: Object = found["data"]["spec"]["template"]
        return {key: value for key, value in template.items() if key != "$patch"}

    async def _create(self, key: str, owner: Object, ordinal: int, template: Object, revision: str) -> None:
        pod = make_pod(owner, template, revision, ordinal)
        name, what = meta.name(pod), f"in StatefulSet {meta.name(owner)}"
        try:
            for claim in claims(owner, ordinal):
                await self._ensure_claim(owner, claim, name)
            made = await self.client.create(kinds.PODS, pod)
        except AlreadyExists:
            raise
        except ApiError as error:
            text = f"create Pod {name} {what} failed error: {error}"
            self.recorder.event(owner, "Warning", "FailedCreate", text)
            raise
        self.writes.wrote(key, self.pods, made)
        self.recorder.event(owner, "Normal", "SuccessfulCreate", f"create Pod {name} {what} successful")

    async def _ensure_claim(self, owner: Object, claim: Object, pod: str) -> None:
        try:
            await self.client.create(kinds.PERSISTENT_VOLUME_CLAIMS, claim)
        except AlreadyExists:
            return
        text = f"create Claim {meta.name(claim)} Pod {pod} in StatefulSet {meta.name(owner)} success"
        self.recorder.event(owner, "Normal", "SuccessfulCreate", text)

    async def _delete(self, key: str, owner: Object, pod: Object) -> None:
        name = meta.name(pod)
        try:
            await self._give_claims_to(owner, pod)
            await self.client.delete(kinds.PODS, name, meta.namespace(pod), uid=meta.uid(pod))
        except NotFound:
            pass
        self.writes.deleted(key, self.pods, pod)
        text = f"delete Pod {name} in StatefulSet {meta.name(owner)} successful"
        self.recorder.event(owner, "Normal", "SuccessfulDelete", text)

    async def _give_claims_to(self, owner: Object, pod: Object) -> None:
        """`whenScaled: Delete`: the claims of a pod that is too many go with the pod."""
        retention = owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
        ordinal, start = ordinal_of(owner, pod), (owner["spec"].get("ordinals") or {}).get("start") or 0
        if retention.get("whenScaled") != "Delete" or ordinal is None:
            return
        if start <= ordinal < start + owner["spec"].get("replicas", 1):
            return
        reference = meta.owner_reference(pod, kinds.PODS, controller=False)
        for claim in claims(owner, ordinal):
            body = {"metadata": {"ownerReferences": [reference]}}
            await self.client.patch(
                kinds.PERSISTENT_VOLUME_CLAIMS, meta.name(claim), body, meta.namespace(claim)
            )

    def _orphan_changed(self, old: Object | None, new: Object | None) -> None:
        """A pod without controller that a set may adopt."""
        if new is not None and meta.controller_of(new) is None:
            for owner in self._matching(new, self.sets.list(meta.namespace(new))):
                self.queue.add(meta.key(owner))

    @staticmethod
    def _matching(pod: Object, sets: Sequence[Object]) -> list[Object]:
        def selects(owner: Object) -> bool:
            selector = selector_from_label_selector(owner["spec"].get("selector"))
            return selector.matches(meta.labels(pod))

        return [owner for owner in sets if selects(owner)]
