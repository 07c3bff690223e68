"""Waiting for the write that was faster, so that a further try does not lose to it again.

The store decides a compare-and-swap before the winner's commit is durable; until then the cache still shows
the object as it was, and trying again at once would only lose again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.apiserver.cache.item import CacheEvent
    from steersman.apiserver.generic.write import Write

SETTLE_SECONDS = 1.0
"""A commit takes milliseconds; one that has not come by then has failed, and its write was undone."""


async def settled(write: Write, tried: int) -> None:
    """Return when the cache shows the object at another revision than `tried`, or not at all."""
    objects = write.view.cache.objects
    changed = asyncio.Event()

    def look(_: Sequence[CacheEvent]) -> None:
        item = objects.get(write.namespace, write.name)
        if item is None or item.revision != tried:
            changed.set()

    look(())
    if changed.is_set():
        return
    stop = write.view.cache.listen(look)
    try:
        async with asyncio.timeout(SETTLE_SECONDS):
            await changed.wait()
    except TimeoutError:
        return
    finally:
        stop()
