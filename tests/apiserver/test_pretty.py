"""Answers for human eyes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from tests.apiserver.objects import CONFIG_MAPS, make

if TYPE_CHECKING:
    from steersman.client.rest import Client


@pytest.mark.parametrize(
    ("query", "agent", "indented"),
    [
        pytest.param({}, "kubectl/v1.37", False, id="programs get it as it is stored"),
        pytest.param({"pretty": "true"}, "kubectl/v1.37", True, id="unless they ask"),
        pytest.param({}, "curl/8.0", True, id="people get it indented"),
        pytest.param({"pretty": "false"}, "curl/8.0", False, id="unless they do not want it"),
    ],
)
@pytest.mark.parametrize(
    "path", [f"{CONFIG_MAPS}/a", f"{CONFIG_MAPS}/none", CONFIG_MAPS, "/api", "/apis/apps/v1"]
)
async def test_indentation(
    client: Client, path: str, query: dict[str, str], agent: str, indented: bool
) -> None:
    await make(client, "a")
    response = await client.transport.request("GET", path, query, {"User-Agent": agent}, None)
    text = await response.read()
    assert text.startswith(b'{\n  "') == indented
    assert orjson.loads(text)["kind"]
