"""Health endpoints of a component: /healthz, /livez, /readyz (with ?verbose and /readyz/<check>) and
/metrics.

Plain HTTP on an address the operator chooses (loopback by default). A check is an async function that raises
when the component is not well. Answers follow the API server's: `ok`, or a list of `[+]name ok` / `[-]name
failed` with status 500.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping

    from aiohttp import web

__all__ = ["evaluate", "serve_health"]

_CHECK_TIMEOUT = 5.0  # seconds; a check that hangs is a check that fails
log = logging.getLogger("steersman.runtime.health")


async def evaluate(
    kind: str,
    checks: Mapping[str, Callable[[], Awaitable[None]]],
    *,
    verbose: bool = False,
    exclude: Collection[str] = (),
) -> tuple[int, str]:
    """Run the checks and return (status, text) as `/healthz`, `/livez` and `/readyz` answer them."""
    lines = ["[+]ping ok"]
    failed = False
    for name, check in checks.items():
        if name in exclude:
            lines.append(f"[+]{name} excluded: ok")
            continue
        try:
            await asyncio.wait_for(check(), _CHECK_TIMEOUT)
            lines.append(f"[+]{name} ok")
        except Exception as error:  # a check may fail in any way (BLE001): logged
            # That something is not ready yet is nothing unusual: one line, the way there only when debugging.
            trace = error if log.isEnabledFor(logging.DEBUG) else None
            log.warning("%s check %s failed: %s", kind, name, error or type(error).__name__, exc_info=trace)
            lines.append(f"[-]{name} failed: {error or type(error).__name__}")
            failed = True
    if not failed and not verbose:
        return 200, "ok"
    lines.append(f"{kind} check {'failed' if failed else 'passed'}")
    return (500 if failed else 200), "\n".join(lines) + "\n"


@asynccontextmanager
async def serve_health(
    bind: str,
    port: int,
    checks: Mapping[str, Callable[[], Awaitable[None]]],
    *,
    live: Mapping[str, Callable[[], Awaitable[None]]] | None = None,
) -> AsyncIterator[int]:
    """Serve the endpoints inside the block; yields the port (useful when `port` is 0).

    `checks` decide /readyz and /healthz; `live` (default: none but ping) decides /livez.
    Raises: OSError when the address cannot be bound.
    """
    from aiohttp import web

    server = web.Server(lambda request: _answer(request, checks, live or {}), access_log=None)
    runner = web.ServerRunner(server)
    await runner.setup()
    try:
        site = web.TCPSite(runner, bind, port, reuse_address=True)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _answer(
    request: web.BaseRequest,
    checks: Mapping[str, Callable[[], Awaitable[None]]],
    live: Mapping[str, Callable[[], Awaitable[None]]],
) -> web.StreamResponse:
    from aiohttp import web

    if request.method not in ("GET", "HEAD"):
        return web.Response(status=405, text="method not allowed\n", headers={"Allow": "GET, HEAD"})
    if request.path == "/metrics":
        from steersman.runtime import metrics

        return web.Response(body=metrics.exposition(), headers={"Content-Type": metrics.CONTENT_TYPE})
    kind, _, one = request.path.strip("/").partition("/")
    known = {"healthz": checks, "readyz": checks, "livez": live}.get(kind)
    if known is None or (one and one != "ping" and one not in known):
        return web.Response(status=404, text="404 page not found\n")
    if one:
        known = {name: check for name, check in known.items() if name == one}
    status, text = await evaluate(
        kind, known, verbose="verbose" in request.query, exclude=request.query.getall("exclude", [])
    )
    return web.Response(status=status, text=text, headers={"X-Content-Type-Options": "nosniff"})
