"""Small objects and shorthands for tests of the API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from steersman.api import kinds

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client.rest import Client

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


def config_map(name: str, **data: str) -> Object:
    return {"metadata": {"name": name}, "data": data}


async def make(client: Client, *names: str, labels: dict[str, str] | None = None) -> list[Object]:
    """Create ConfigMaps in `default`."""
    made = []
    for name in names:
        obj = config_map(name, k="1")
        if labels:
            obj["metadata"]["labels"] = labels
        made.append(await client.create(kinds.CONFIG_MAPS, obj, "default"))
    return made


async def raw(
    client: Client, path: str, *, accept: str = "application/json", method: str = "GET", **query: str
) -> tuple[int, Any]:
    """Send a request, return status and decoded body, whatever the status.

    `_` at the end of a parameter's name is dropped.
    """
    parameters = {name.rstrip("_"): value for name, value in query.items()}
    response = await client.transport.request(method, path, parameters, {"Accept": accept}, None)
    return response.status, orjson.loads(await response.read())


def names(listed: Object) -> list[str]:
    return [item["metadata"]["name"] for item in listed["items"]]
