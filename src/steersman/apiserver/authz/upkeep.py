"""Keeping RBAC as it should be while the server runs: default objects once at start, aggregated roles
always."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import ApiError, NotFound
from steersman.apiserver.authz.policy import bootstrap_policy
from steersman.apiserver.authz.rbac.aggregation import plan_aggregation
from steersman.apiserver.authz.reconcile import reconciled

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.api import API

log = logging.getLogger("steersman.apiserver.authz")

SETTLE_SECONDS = 0.05
"""Changes of cluster roles that come together are worked on together."""
RETRY_SECONDS = 5.0


async def rbac_upkeep(api: API) -> None:
    """Reconcile the default objects, then follow ClusterRoles and aggregate; runs until cancelled."""
    await reconcile_defaults(api)
    changed = asyncio.Event()
    roles: dict[str, Object] = {}

    def on_change(old: Object | None, new: Object | None) -> None:
        if new is not None:
            roles[meta.name(new)] = new
        elif old is not None:
            roles.pop(meta.name(old), None)
        changed.set()

    stop = await api.follow(kinds.CLUSTER_ROLES, on_change)
    try:
        while True:
            await changed.wait()
            await api.clock.sleep(SETTLE_SECONDS)
            changed.clear()
            if not await aggregate(api, roles):
                await api.clock.sleep(RETRY_SECONDS)
                changed.set()
    finally:
        stop()


async def aggregate(api: API, roles: dict[str, Object]) -> bool:
    """Write the rules of aggregated roles that are out of date; False when a write failed."""
    done = True
    for name, rules in plan_aggregation(roles).items():

        def change(role: Object, rules: list[Object] = rules) -> Object:
            return {**role, "rules": rules}

        try:
            await api.update(kinds.CLUSTER_ROLES, name, change)
        except NotFound:
            continue
        except ApiError as error:
            log.warning("the rules of ClusterRole %s could not be aggregated: %s", name, error)
            done = False
    return done


async def reconcile_defaults(api: API) -> None:
    """Add to default objects what they lack; failures are logged, the server goes on."""
    for wanted in bootstrap_policy():
        resource = kinds.by_kind(wanted["apiVersion"], wanted["kind"])
        assert resource is not None
        name, namespace = meta.name(wanted), meta.namespace(wanted)
        try:
            existing = await api.get(resource, name, namespace)
            if reconciled(existing, wanted) is None:
                continue

            def change(old: Object, wanted: Object = wanted) -> Object:
                return reconciled(old, wanted) or old

            await api.update(resource, name, change, namespace)
        except NotFound:
            continue
        except ApiError as error:
            log.warning("the default %s %s could not be reconciled: %s", wanted["kind"], name, error)
