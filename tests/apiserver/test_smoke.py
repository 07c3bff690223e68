"""The in-process server answers the verbs of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from steersman.api import kinds
from steersman.api.errors import NotFound

if TYPE_CHECKING:
    from steersman.client.rest import Client


async def test_an_object_can_be_created_read_changed_and_deleted(client: Client) -> None:
    made = await client.create(kinds.CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"k": "1"}}, "default")
    assert made["metadata"]["uid"]
    made["data"]["k"] = "2"
    changed = await client.update(kinds.CONFIG_MAPS, made)
    assert int(changed["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    assert await client.get(kinds.CONFIG_MAPS, "a", "default") == changed
    await client.delete(kinds.CONFIG_MAPS, "a", "default")
    with pytest.raises(NotFound, match='configmaps "a" not found'):
        await client.get(kinds.CONFIG_MAPS, "a", "default")
