"""Priority and fairness in a server: headers, 429, and the objects it keeps."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from steersman.api import kinds
from steersman.apiserver.authn import User
from steersman.apiserver.fairness import upkeep
from steersman.apiserver.fairness.defaults import LEVELS, SCHEMAS
from steersman.apiserver.fairness.fairness import Fairness
from steersman.apiserver.fairness.metrics import COLLECTOR

if TYPE_CHECKING:
    from steersman.apiserver.server import APIServer
    from steersman.client.rest import Client

ALICE = User("alice", groups=("system:authenticated",))


async def test_defaults_are_made_and_mandatory_ones_put_back(apiserver: APIServer, client: Client) -> None:
    await upkeep.ensure_defaults(apiserver.api)
    names = {item["metadata"]["name"] for item in (await client.list(kinds.FLOW_SCHEMAS))["items"]}
    assert names == {schema["metadata"]["name"] for schema in SCHEMAS}
    levels = (await client.list(kinds.PRIORITY_LEVEL_CONFIGURATIONS))["items"]
    assert len(levels) == len(LEVELS)
    made = {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in levels}
    change = {"spec": {"limited": {"nominalConcurrencyShares": 1}}}
    await client.patch(kinds.PRIORITY_LEVEL_CONFIGURATIONS, "catch-all", change)
    await client.delete(kinds.FLOW_SCHEMAS, "exempt")
    await upkeep.ensure_defaults(apiserver.api)
    level = await client.get(kinds.PRIORITY_LEVEL_CONFIGURATIONS, "catch-all")
    assert level["spec"]["limited"]["nominalConcurrencyShares"] == 5
    assert (await client.get(kinds.FLOW_SCHEMAS, "exempt"))["spec"]["matchingPrecedence"] == 1
    untouched = await client.get(kinds.PRIORITY_LEVEL_CONFIGURATIONS, "system")
    assert untouched["metadata"]["resourceVersion"] == made["system"]


async def test_a_schema_without_its_level_says_so(apiserver: APIServer, client: Client) -> None:
    await upkeep.ensure_defaults(apiserver.api)
    spec = {
        "priorityLevelConfiguration": {"name": "nowhere"},
        "matchingPrecedence": 5,
        "rules": [
            {
                "subjects": [{"kind": "User", "user": {"name": "alice"}}],
                "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            }
        ],
    }
    await client.create(kinds.FLOW_SCHEMAS, {"metadata": {"name": "lost"}, "spec": spec})
    await upkeep.note_dangling(apiserver.api)
    for name, status in (("lost", "True"), ("exempt", "False")):
        conditions = (await client.get(kinds.FLOW_SCHEMAS, name))["status"]["conditions"]
        assert [(one["type"], one["status"]) for one in conditions] == [("Dangling", status)]


async def test_objects_change_what_is_admitted(apiserver: APIServer, client: Client) -> None:
    fairness = Fairness(100)
    await upkeep.ensure_defaults(apiserver.api)
    await upkeep.Mirror(apiserver.api, fairness).follow()
    before = fairness.levels["workload-low"].nominal
    change = {"spec": {"limited": {"nominalConcurrencyShares": 1000}}}
    await client.patch(kinds.PRIORITY_LEVEL_CONFIGURATIONS, "workload-low", change)
    assert fairness.levels["workload-low"].nominal > before
    assert fairness.levels["workload-low"].uid


async def test_a_full_level_answers_429_and_exempt_requests_pass(apiserver: APIServer) -> None:
    transport = apiserver.transport(ALICE)
    path = "/api/v1/namespaces/default/configmaps"
    levels = [one.levels["global-default"] for one in COLLECTOR.of]  # of this server, and of none that count
    for level in levels:
        level.limit, level._count, level.in_use = 1, 0, 1
    answer = await transport.request("GET", path, {}, {}, None)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
    admin = await apiserver.transport().request("GET", path, {}, {}, None)
    assert admin.status == 200
    assert "X-Kubernetes-PF-FlowSchema-UID" in admin.headers
    assert any(level.refused for level in levels)


async def test_an_idle_level_costs_next_to_nothing(apiserver: APIServer) -> None:
    from multidict import CIMultiDict

    from steersman.apiserver.http.memory import _Body
    from steersman.apiserver.http.request_info import parse
    from steersman.apiserver.http.values import Answer, Peer, Query, Request, Response

    fairness = Fairness(600)
    info = parse("GET", "/api/v1/namespaces/default/pods/web")
    request = Request("GET", info.path, Query(""), CIMultiDict(), _Body(b""), Peer(), user=ALICE, info=info)
    response = Response(200)

    async def answer(_: Request) -> Answer:
        return response

    async def many(count: int) -> float:
        loop = asyncio.get_running_loop()
        start = loop.time()
        for _ in range(count):
            await fairness.admit(apiserver.api, request, answer)
        through = loop.time()
        for _ in range(count):
            await answer(request)
        return (2 * through - start - loop.time()) / count

    best = min([await many(2000) for _ in range(5)])
    assert best < 3e-6, f"{best * 1e6:.2f} µs"
