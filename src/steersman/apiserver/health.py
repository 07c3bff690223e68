"""/healthz, /livez and /readyz: named checks, each alone under its name, all of them with ?verbose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.errors import NotFound
from steersman.apiserver.http.values import Answer, Request, Response
from steersman.runtime.health import evaluate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from steersman.apiserver.api import API


class NotReadyError(RuntimeError):
    """A check that does not hold yet; the text says what is missing."""


def _checks(api: API, kind: str) -> Mapping[str, Callable[[], Awaitable[None]]]:
    async def store() -> None:
        await api.store.get("/registry/health")

    async def writable() -> None:
        await api.store.check()

    async def bootstrap() -> None:
        if not api.bootstrapped:
            raise NotReadyError("default objects are still being made")

    async def shutdown() -> None:
        if api.draining:
            raise NotReadyError("process is shutting down")

    async def plugins() -> None:
        from steersman.apiserver.encryption.setup import check
        from steersman.apiserver.encryption.store import EncryptedStore

        if isinstance(api.store, EncryptedStore):
            check(api.store.encryption)

    checks = {"etcd": store, "poststarthook/bootstrap-objects": bootstrap}
    # A restart makes no room on a full disk and mends no plug-in: only readiness suffers from it.
    if kind == "livez":
        return checks
    if api.config.encryption_provider_config:
        checks["kms-providers"] = plugins
    return {**checks, "etcd-readiness": writable, "shutdown": shutdown}


async def answer(api: API, request: Request) -> Answer:
    """Answer one of the health paths."""
    kind, _, one = request.path.strip("/").partition("/")
    checks = _checks(api, kind)
    if one and one != "ping":
        if one not in checks:
            raise NotFound.path()
        checks = {one: checks[one]}
    status, text = await evaluate(
        kind, checks, verbose="verbose" in request.query.values(), exclude=request.query.all("exclude")
    )
    headers = {"X-Content-Type-Options": "nosniff"}
    return Response(status, text.encode(), "text/plain; charset=utf-8", headers)
