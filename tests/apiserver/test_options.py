"""Query parameters and texts that writes and lists refuse or warn of, in upstream's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from tests.apiserver.objects import CONFIG_MAPS, config_map, make, names, raw

from steersman.api import kinds

if TYPE_CHECKING:
    from steersman.client.rest import Client


async def send(
    client: Client, method: str, path: str, body: str, media: str, **query: str
) -> tuple[int, str, str]:
    """Return status, message and the joined Warning headers."""
    headers = {"Content-Type": media, "Accept": "application/json"}
    response = await client.transport.request(method, path, query, headers, body.encode())
    answer = orjson.loads(await response.read())
    return response.status, answer.get("message", ""), response.headers.get("Warning") or ""


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param(
            {"resourceVersionMatch": "Exact"}, "unless resourceVersion is provided", id="no version"
        ),
        pytest.param(
            {"resourceVersionMatch": "Exact", "resourceVersion": "0"},
            '"exact" is forbidden for resourceVersion "0"',
            id="exactly any version",
        ),
        pytest.param(
            {"resourceVersionMatch": "NotOlderThan", "resourceVersion": "1", "continue": "x"},
            "when continue is provided",
            id="a match for a later page",
        ),
        pytest.param(
            {"resourceVersionMatch": "Newest", "resourceVersion": "1"},
            'Unsupported value: "Newest": supported values: "", "Exact", "NotOlderThan"',
            id="an unknown match",
        ),
        pytest.param({"sendInitialEvents": "true"}, "is forbidden for list", id="initial events of a list"),
        pytest.param(
            {"watch": "1", "sendInitialEvents": "true", "resourceVersionMatch": "Exact"},
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            id="initial events without a match",
        ),
        pytest.param(
            {"watch": "1", "resourceVersionMatch": "NotOlderThan"},
            "forbidden for watch unless sendInitialEvents is provided",
            id="a match for a plain watch",
        ),
    ],
)
async def test_lists_that_contradict_themselves(client: Client, query: dict[str, str], message: str) -> None:
    status, answer = await raw(client, CONFIG_MAPS, **query)
    assert (status, answer["details"]["kind"]) == (422, "ListOptions")
    assert answer["message"].startswith('ListOptions.meta.k8s.io "" is invalid: ')
    assert message in answer["message"]


@pytest.mark.parametrize(
    ("manager", "message"),
    [
        pytest.param("é" * 65, "Too long: may not be more than 128 bytes", id="too many bytes"),
        pytest.param("a\tb", "should only contain printable characters", id="what cannot be printed"),
    ],
)
async def test_names_of_managers(client: Client, manager: str, message: str) -> None:
    text = orjson.dumps(config_map("a")).decode()
    status, answer, _ = await send(
        client, "POST", CONFIG_MAPS, text, "application/json", fieldManager=manager
    )
    assert status == 422
    assert message in answer


REPEATED = "metadata:\n  name: a\n  name: b\ndata:\n  k: one\n  k: two\nmore: 1\n"


async def test_yaml_that_sets_a_key_twice(client: Client) -> None:
    status, message, _ = await send(
        client, "POST", CONFIG_MAPS, REPEATED, "application/yaml", fieldValidation="Strict"
    )
    assert status == 400
    assert (
        'strict decoding error: yaml: unmarshal errors:\n  line 3: key "name" already set in map\n'
        '  line 6: key "k" already set in map, unknown field "more"'
    ) in message
    status, _, warnings = await send(client, "POST", CONFIG_MAPS, REPEATED, "application/yaml")
    assert status == 201
    assert "line 3: key" in warnings
    assert "unknown field" in warnings


async def test_owners_named_twice_are_kept_once(client: Client) -> None:
    owner = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "1"}
    obj = {"metadata": {"name": "a", "ownerReferences": [owner, {**owner, "uid": "2"}, owner]}}
    status, _, warnings = await send(
        client, "POST", CONFIG_MAPS, orjson.dumps(obj).decode(), "application/json"
    )
    assert status == 201
    assert "duplicate UID(s) observed: 1" in warnings
    made = await client.get(kinds.CONFIG_MAPS, "a", "default")
    assert [one["uid"] for one in made["metadata"]["ownerReferences"]] == ["1", "2"]


async def test_a_limited_collection_is_deleted_page_by_page(client: Client) -> None:
    await make(client, "a", "b", "c")
    status, listed = await raw(client, CONFIG_MAPS, method="DELETE", limit="2")
    assert (status, names(listed)) == (200, ["a", "b"])
    assert listed["metadata"]["remainingItemCount"] == 1
    assert names(await client.list(kinds.CONFIG_MAPS, "default")) == ["c"]


@pytest.mark.parametrize(
    ("path", "warning"),
    [
        pytest.param("/api/v1/endpoints", "v1 Endpoints is deprecated in v1.33+", id="Endpoints"),
        pytest.param("/api/v1/componentstatuses", "v1 ComponentStatus is deprecated", id="ComponentStatus"),
        pytest.param("/api/v1/services", "", id="nothing about Services"),
    ],
)
async def test_deprecated_kinds_say_so(client: Client, path: str, warning: str) -> None:
    response = await client.transport.request("GET", path, {}, {}, None)
    await response.read()
    found = response.headers.get("Warning") or ""
    assert warning in found
    assert bool(warning) == bool(found)


async def test_namespaced_objects_are_not_made_without_a_namespace(client: Client) -> None:
    assert (await raw(client, "/api/v1/configmaps", method="POST"))[0] == 405


@pytest.mark.parametrize(
    ("query", "status", "seconds"),
    [
        pytest.param({"gracePeriodSeconds": "-5"}, 200, 1, id="a negative grace period is the shortest one"),
        pytest.param({"gracePeriodSeconds": "7"}, 200, 7, id="a grace period"),
        pytest.param(
            {"propagationPolicy": "Orphan", "orphanDependents": "true"}, 422, None, id="two policies at once"
        ),
    ],
)
async def test_options_of_deletion(
    client: Client, query: dict[str, str], status: int, seconds: int | None
) -> None:
    await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "default")
    spec = {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}
    await client.create(kinds.PODS, {"metadata": {"name": "p"}, "spec": spec}, "default")
    assert (await raw(client, "/api/v1/namespaces/default/pods/p", method="DELETE", **query))[0] == status
    pod = await client.get(kinds.PODS, "p", "default")
    assert pod["metadata"].get("deletionGracePeriodSeconds") == seconds
