"""Every path and body of our own OpenAPI, with parameters good and bad: never a 5xx, never silence."""

from __future__ import annotations

import asyncio
import re
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from tests.apiserver.test_fuzz import JUNK

if TYPE_CHECKING:
    from steersman.client.rest import Client

SECONDS = 10
"""What one answer may take: a watch begins at once, everything else ends."""
NOT_OURS = re.compile(r"/(proxy|exec|attach|portforward|log|token)\b")
"""Passed on to nodes, of which there are none, or signed with a key, which this server has not."""
NAMES = ("default", "kubernetes", "none", "a%20b", "..", "x" * 300, "%00", "é", "system:masters", "v1.")
QUERY: dict[str, tuple[str, ...]] = {
    "labelSelector": ("a=b", "a in (", "!", "=", "a notin (b,c)", "\u0000", ",,"),
    "fieldSelector": ("metadata.name=x", "spec.nodeName!=a", "nothing=1", "=", "metadata.name"),
    "limit": ("0", "1", "-1", "x", "9" * 30),
    "continue": ("x", "e30", "eyJydiI6MX0", "\u0000"),
    "resourceVersion": ("0", "1", "-1", "x", "9" * 19, "9" * 40),
    "resourceVersionMatch": ("Exact", "NotOlderThan", "Never"),
    "watch": ("1", "true", "0", "perhaps"),
    "allowWatchBookmarks": ("true", "x"),
    "sendInitialEvents": ("true", "false", "x"),
    "timeoutSeconds": ("1", "0", "-1", "x", "9" * 30),
    "pretty": ("true", "x"),
    "unknown": ("x",),
}
ACCEPT = (
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;as=Table;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
    "application/json;as=Nothing;v=v9;g=x",
    "text/html",
    "*/*",
    ";;q=",
    "",
)


async def operations(client: Client) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Return the paths and their operations, by method."""
    document = (await client.request("GET", "/openapi/v2")).json()
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for path, item in sorted(document["paths"].items()):
        for method, operation in item.items():
            if method != "parameters" and not NOT_OURS.search(path):
                found.setdefault(method.upper(), []).append((path, operation))
    return found


def filled(random: Random, path: str) -> str:
    return re.sub(r"{\w+}", lambda _: random.choice(NAMES), path)


def query(random: Random) -> dict[str, str]:
    chosen = random.sample(list(QUERY), random.choice((0, 1, 1, 2, 3)))
    return {name: random.choice(QUERY[name]) for name in chosen}


async def ask(
    client: Client, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes | None
) -> list[str]:
    """Ask once, say what is wrong with the answer: a refusal is a Status of its own code."""
    asked = f"{method} {path} {query} {headers['Accept']}: {(body or b'')[:3000]!r}"
    async with asyncio.timeout(SECONDS):
        answer = await client.transport.request(method, path, query, headers, body)
        try:
            if answer.status < 400:
                return []
            content = await answer.read()
            status = orjson.loads(content) if headers["Accept"] == "application/json" else None
        finally:
            answer.close()
    if answer.status == 504 and b"Too large resource version" in content:
        return []  # as upstream says that it waited for a revision in vain
    if answer.status >= 500 or (status and (status["code"], status["kind"]) != (answer.status, "Status")):
        return [f"{content.decode()} <- {asked}"]
    return []


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_no_path_that_can_be_read_fails_whatever_is_asked_of_it(client: Client) -> None:
    random, readable = Random(7), (await operations(client))["GET"]
    assert len(readable) > 150
    problems: list[str] = []
    for path, _ in readable:
        for _ in range(4):
            headers = {"Accept": random.choice(ACCEPT), "User-Agent": "fuzz"}
            problems += await ask(client, "GET", filled(random, path), query(random), headers, None)
    assert not problems, "\n".join(problems)


def value(random: Random, schema: dict[str, Any], definitions: dict[str, Any], depth: int = 0) -> Any:
    """Return something of a schema, mostly; sometimes something that is not."""
    if random.random() < 0.06 or depth > 7:
        return random.choice(JUNK)
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    kind = schema.get("type", "object")
    if kind == "array":
        items = schema["items"]
        return [value(random, items, definitions, depth + 1) for _ in range(random.randrange(3))]
    if kind == "object":
        properties = schema.get("properties", {})
        required = set(schema.get("required", ()))
        share = min(1.0, 4 / max(1, len(properties)))
        chosen = [name for name in properties if name in required or random.random() < share]
        made = {name: value(random, properties[name], definitions, depth + 1) for name in chosen}
        if not properties and isinstance(extra := schema.get("additionalProperties"), dict):
            made = {
                key: value(random, extra, definitions, depth + 1) for key in random.sample(("a", "b/c"), 1)
            }
        return made
    good: dict[str, tuple[Any, ...]] = {
        "string": ("x", "", "10Mi", "a.b", "10.0.0.1", "2020-01-01T00:00:00Z", "Always", "é", "TCP"),
        "integer": (0, 1, 80, -1, 2**31, 2**63 - 1),
        "number": (0, 1.5),
        "boolean": (True, False),
    }
    return random.choice(good[kind])


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_no_body_makes_a_write_fail(client: Client, method: str) -> None:
    random = Random(method)
    document = (await client.request("GET", "/openapi/v2")).json()
    definitions = document["definitions"]
    problems: list[str] = []
    for path, operation in (await operations(client))[method]:
        named = operation.get("x-kubernetes-group-version-kind", {})
        body: Any = next((one["schema"] for one in operation["parameters"] if one["in"] == "body"), {})
        if method == "PATCH":
            group, version, kind = named["group"], named["version"], named["kind"]
            body = _schema_of(definitions, group, version, kind)
        for attempt in range(3):
            made = value(random, body, definitions)
            if isinstance(made, dict):
                group = f"{named['group']}/" if named.get("group") else ""
                made |= {"apiVersion": group + named.get("version", "v1"), "kind": named.get("kind", "")}
                made["metadata"] = {"name": f"n{attempt}"}
            forms = ("application/merge-patch+json", "application/strategic-merge-patch+json")
            apply = "application/apply-patch+yaml"
            form = random.choice((*forms, apply)) if method == "PATCH" else "application/json"
            parameters = {"fieldManager": "f"} if form == apply else {}
            target = path.replace("{namespace}", "default").replace("{name}", f"n{attempt}")
            headers = {"Content-Type": form, "Accept": "application/json", "User-Agent": "fuzz"}
            problems += await ask(
                client, method, filled(random, target), parameters, headers, orjson.dumps(made)
            )
    assert not problems, "\n".join(problems)


def _schema_of(definitions: dict[str, Any], group: str, version: str, kind: str) -> dict[str, Any]:
    wanted = {"group": group, "version": version, "kind": kind}
    for schema in definitions.values():
        if wanted in schema.get("x-kubernetes-group-version-kind", ()):
            return dict(schema)
    return {}
