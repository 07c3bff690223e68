"""Lists: selectors, pages, versions, representations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.apiserver.objects import CONFIG_MAPS, config_map, make, names, raw

from steersman.api import kinds
from steersman.api.errors import BadRequest, Expired

if TYPE_CHECKING:
    from steersman.apiserver.server import APIServer
    from steersman.client.rest import Client

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


async def test_a_list_is_sorted_and_as_of_a_version(client: Client, apiserver: APIServer) -> None:
    await make(client, "b", "a", "c")
    listed = await client.list(kinds.CONFIG_MAPS, "default")
    assert names(listed) == ["a", "b", "c"]
    assert listed["metadata"]["resourceVersion"] == str(apiserver.store.revision)


async def test_items_of_a_list_carry_no_type(client: Client) -> None:
    await make(client, "a")
    _, listed = await raw(client, CONFIG_MAPS)
    assert (listed["kind"], listed["apiVersion"]) == ("ConfigMapList", "v1")
    assert "kind" not in listed["items"][0]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        pytest.param("app=web", ["a", "b"], id="equality"),
        pytest.param("app!=web", ["c", "d"], id="inequality takes what has no such label"),
        pytest.param("app in (web,db)", ["a", "b", "c"], id="set"),
        pytest.param("app,!x", ["a", "b", "c"], id="existence"),
        pytest.param("app=none", [], id="nothing"),
    ],
)
async def test_label_selectors(client: Client, selector: str, expected: list[str]) -> None:
    await make(client, "a", "b", labels={"app": "web"})
    await make(client, "c", labels={"app": "db"})
    await make(client, "d")
    for _ in range(2):  # the second time by the index
        listed = await client.list(kinds.CONFIG_MAPS, "default", label_selector=selector)
        assert names(listed) == expected


async def test_a_label_index_follows_changes(client: Client) -> None:
    (one,) = await make(client, "a", labels={"app": "web"})
    assert names(await client.list(kinds.CONFIG_MAPS, label_selector="app=web")) == ["a"]
    one["metadata"]["labels"] = {"app": "db"}
    await client.update(kinds.CONFIG_MAPS, one)
    assert names(await client.list(kinds.CONFIG_MAPS, label_selector="app=web")) == []
    assert names(await client.list(kinds.CONFIG_MAPS, label_selector="app=db")) == ["a"]
    await client.delete(kinds.CONFIG_MAPS, "a", "default")
    assert names(await client.list(kinds.CONFIG_MAPS, label_selector="app=db")) == []


async def test_field_selectors_select_by_what_the_kind_offers(client: Client) -> None:
    await make(client, "a", "b")
    assert names(await client.list(kinds.CONFIG_MAPS, field_selector="metadata.name=b")) == ["b"]
    assert names(await client.list(kinds.CONFIG_MAPS, "default", field_selector="metadata.name!=b")) == ["a"]
    with pytest.raises(BadRequest, match=r'"spec\.x" is not a known field selector: only "metadata.name"'):
        await client.list(kinds.CONFIG_MAPS, field_selector="spec.x=1")


async def test_pages_show_the_state_of_the_first_one(client: Client) -> None:
    await make(client, "a", "b", "c", "d", "e")
    first = await client.list(kinds.CONFIG_MAPS, "default", limit=2)
    assert (names(first), first["metadata"]["remainingItemCount"]) == (["a", "b"], 3)
    await client.delete(kinds.CONFIG_MAPS, "c", "default")
    await make(client, "bb")
    second = await client.list(kinds.CONFIG_MAPS, "default", limit=2, continue_=first["metadata"]["continue"])
    assert (names(second), second["metadata"]["remainingItemCount"]) == (["c", "d"], 1)
    last = await client.list(kinds.CONFIG_MAPS, "default", limit=2, continue_=second["metadata"]["continue"])
    assert names(last) == ["e"]
    assert "continue" not in last["metadata"]
    assert last["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_pages_go_over_namespaces_in_key_order(client: Client) -> None:
    for namespace in ("a", "a-b", "b"):
        await client.create(kinds.NAMESPACES, {"metadata": {"name": namespace}})
        await client.create(kinds.CONFIG_MAPS, config_map("x"), namespace)
    seen, token = [], ""
    while True:
        page = await client.list(kinds.CONFIG_MAPS, limit=1, continue_=token)
        seen += [item["metadata"]["namespace"] for item in page["items"]]
        token = page["metadata"].get("continue", "")
        if not token:
            break
    assert seen == ["a-b", "a", "b"]


async def test_a_token_older_than_the_history_goes_on_inconsistently(
    client: Client, apiserver: APIServer
) -> None:
    await make(client, "a", "b", "c")
    first = await client.list(kinds.CONFIG_MAPS, "default", limit=1)
    await client.delete(kinds.CONFIG_MAPS, "b", "default")
    await apiserver.store.compact(apiserver.store.revision)
    token = first["metadata"]["continue"]
    with pytest.raises(Expired):
        await client.list(kinds.CONFIG_MAPS, "default", continue_=token)
    status, body = await raw(client, CONFIG_MAPS, continue_=token)
    assert status == 410
    rest = await client.list(kinds.CONFIG_MAPS, "default", continue_=body["metadata"]["continue"])
    assert names(rest) == ["c"]


async def test_an_exact_version_shows_that_state(client: Client) -> None:
    (one,) = await make(client, "a")
    await make(client, "b")
    version = one["metadata"]["resourceVersion"]
    exact = {"resourceVersion": version, "resourceVersionMatch": "Exact"}
    status, listed = await raw(client, CONFIG_MAPS, **exact)
    assert (status, names(listed)) == (200, ["a"])
    status, listed = await raw(client, CONFIG_MAPS, resourceVersion=version)
    assert names(listed) == ["a", "b"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param({"resourceVersion": "999999"}, 504, id="a version of the future"),
        pytest.param({"resourceVersion": "x"}, 422, id="no number"),
        pytest.param({"resourceVersionMatch": "Exact"}, 422, id="a match without a version"),
        pytest.param({"limit": "x"}, 400, id="a limit that is no number"),
        pytest.param({"continue": "nonsense"}, 400, id="a token from elsewhere"),
        pytest.param({"labelSelector": "a=="}, 200, id="an empty value"),
        pytest.param({"labelSelector": "!!"}, 400, id="a selector that is none"),
    ],
)
async def test_bad_list_options_are_refused(client: Client, query: dict[str, str], status: int) -> None:
    assert (await raw(client, CONFIG_MAPS, **query))[0] == status


async def test_tables_have_columns_rows_and_metadata(client: Client) -> None:
    await make(client, "a")
    _, table = await raw(client, CONFIG_MAPS, accept=TABLE)
    assert table["kind"] == "Table"
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    (row,) = table["rows"]
    assert row["cells"][:2] == ["a", 1]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    _, table = await raw(client, f"{CONFIG_MAPS}/a", accept=TABLE, includeObject="Object")
    assert table["rows"][0]["object"]["data"] == {"k": "1"}
    _, table = await raw(client, CONFIG_MAPS, accept=TABLE, includeObject="None")
    assert "object" not in table["rows"][0]


async def test_metadata_alone_can_be_had(client: Client) -> None:
    await make(client, "a")
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    _, listed = await raw(client, CONFIG_MAPS, accept=accept)
    assert listed["kind"] == "PartialObjectMetadataList"
    assert set(listed["items"][0]) == {"kind", "apiVersion", "metadata"}


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        pytest.param("application/vnd.kubernetes.protobuf, application/json", 200, id="the second choice"),
        pytest.param("application/vnd.kubernetes.protobuf", 406, id="only protobuf"),
        pytest.param("*/*", 200, id="anything"),
        pytest.param(f"{TABLE}, application/json", 200, id="a table"),
        pytest.param("text/html", 406, id="a page"),
    ],
)
async def test_what_cannot_be_produced_is_not_acceptable(client: Client, accept: str, status: int) -> None:
    response = await client.transport.request("GET", CONFIG_MAPS, {}, {"Accept": accept}, None)
    assert response.status == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/api/v1/nonsense", 404, id="an unknown resource"),
        pytest.param("GET", "/apis/apps/v9/deployments", 404, id="an unknown version"),
        pytest.param("GET", f"{CONFIG_MAPS}/a/nonsense", 404, id="an unknown sub-resource"),
        pytest.param("GET", "/nonsense", 404, id="an unknown path"),
        pytest.param("PUT", CONFIG_MAPS, 405, id="PUT on a collection"),
        pytest.param("POST", f"{CONFIG_MAPS}/a", 405, id="POST on an object"),
        pytest.param("GET", "/api/v1/bindings", 405, id="a resource that cannot be listed"),
        pytest.param("DELETE", "/version", 405, id="another method on a plain path"),
        pytest.param("GET", "/api/v1/namespaces/default/nodes", 404, id="a node in a namespace"),
    ],
)
async def test_paths_that_nothing_serves(client: Client, method: str, path: str, status: int) -> None:
    assert (await raw(client, path, method=method))[0] == status
