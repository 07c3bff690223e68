"""The answers of the health endpoints."""

from __future__ import annotations

import aiohttp

from steersman.runtime.health import evaluate, serve_health


async def good() -> None: ...


async def bad() -> None:
    raise RuntimeError("no database")


async def test_all_well_is_ok_unless_details_are_asked_for() -> None:
    assert await evaluate("readyz", {"store": good}) == (200, "ok")
    assert await evaluate("readyz", {"store": good}, verbose=True) == (
        200,
        "[+]ping ok\n[+]store ok\nreadyz check passed\n",
    )


async def test_a_failing_check_names_itself_and_can_be_excluded() -> None:
    status, text = await evaluate("readyz", {"store": bad})
    assert (status, text) == (500, "[+]ping ok\n[-]store failed: no database\nreadyz check failed\n")
    assert (await evaluate("readyz", {"store": bad}, exclude=["store"]))[0] == 200


async def test_endpoints_over_http() -> None:
    async with serve_health("127.0.0.1", 0, {"store": bad}) as port, aiohttp.ClientSession() as session:
        expected = {
            "/livez": 200,
            "/readyz": 500,
            "/healthz/ping": 200,
            "/readyz/store": 500,
            "/readyz/none": 404,
            "/metrics": 200,
        }
        for path, status in expected.items():
            async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                assert answer.status == status, path
