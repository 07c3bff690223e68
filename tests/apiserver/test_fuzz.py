"""Whatever a client sends, it is told what is wrong: never a 5xx. Random damage to good objects, seeded."""

from __future__ import annotations

import copy
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from steersman.api import kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.api.types import Object
    from steersman.client.rest import Client

JUNK: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        1.5,
        2**63,
        "",
        "x",
        "a.b/c",
        "10Mi",
        "%",
        "é\u0000",
        "x" * 300,
        "2020-01-01T00:00:00Z",
    ),
    *([], {}, [None], ["x"], [{}], {"a": 1}, {"name": "x"}, [{"name": "x"}]),
)
POD = {
    "containers": [
        {
            "name": "c",
            "image": "i",
            "ports": [{"containerPort": 80}],
            "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}},
            "volumeMounts": [{"name": "v", "mountPath": "/x"}],
            "livenessProbe": {"httpGet": {"path": "/", "port": 80}},
        }
    ],
    "volumes": [{"name": "v", "projected": {"sources": [{"configMap": {"name": "x"}}]}}],
    "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 3}],
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "k", "labelSelector": {}}]
        }
    },
}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": POD}
SAMPLES: dict[Any, Object] = {
    kinds.PODS: {
        "spec": POD,
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    },
    kinds.DEPLOYMENTS: {
        "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}
    },
    kinds.SERVICES: {
        "spec": {"selector": {"a": "b"}, "type": "NodePort", "ports": [{"port": 80, "targetPort": "x"}]}
    },
    kinds.CONFIG_MAPS: {"data": {"a": "b"}, "binaryData": {"x": "eA=="}},
    kinds.SECRETS: {"type": "Opaque", "data": {"a": "eA=="}, "stringData": {"c": "d"}},
    kinds.ENDPOINT_SLICES: {
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"]}],
        "ports": [{"port": 80}],
    },
    kinds.ROLES: {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    kinds.NODES: {
        "spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]},
        "status": {"capacity": {"cpu": "1"}},
    },
}
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
APPLY, JSON_PATCH = "application/apply-patch+yaml", "application/json-patch+json"


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of everything inside a document."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*path, key)
        yield from places(part, (*path, key))


def damaged(random: Random, obj: Object) -> Object:
    """Return the object with one to three of its parts removed or replaced."""
    result = copy.deepcopy(obj)
    for _ in range(random.choice((1, 1, 2, 3))):
        *parents, last = random.choice(list(places(result)) or [("metadata",)])
        holder: Any = result
        for key in parents:
            holder = holder[key]
        if random.random() < 0.2 and last in holder:
            del holder[last]
        else:
            holder[last] = copy.deepcopy(random.choice(JUNK))
    return result


def asked(random: Random, number: int) -> tuple[str, str, dict[str, str], str, Any]:
    """Return method, path, query, content type and body of a random request."""
    resource = random.choice(list(SAMPLES))
    good = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": f"n{number % 5}", "labels": {"a": "b"}, "annotations": {"x": "y"}},
        **SAMPLES[resource],
    }
    bad = damaged(random, good)
    subresource = random.choice(("", "", "status"))
    one = resource.path("default", good["metadata"]["name"], subresource)
    operation = random.choice(("add", "remove", "replace", "test"))
    step = {"op": operation, "path": "/spec", "value": random.choice(JUNK)}
    return random.choice(
        (
            ("POST", resource.path("default"), {}, "application/json", bad),
            ("POST", resource.path("default"), {}, "application/json", good),
            ("PUT", one, {}, "application/json", bad),
            ("PATCH", one, {}, MERGE, bad),
            ("PATCH", one, {}, STRATEGIC, bad),
            ("PATCH", one, {"fieldManager": "f", "force": "true"}, APPLY, bad),
            ("PATCH", one, {}, JSON_PATCH, [step]),
            (
                "DELETE",
                one,
                {},
                "application/json",
                damaged(random, {"preconditions": {"uid": "x"}, "dryRun": []}),
            ),
            ("GET", resource.path("default"), {"labelSelector": str(random.choice(JUNK))}, "", None),
            ("GET", resource.path("default"), {"continue": str(random.choice(JUNK))}, "", None),
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_no_request_makes_the_server_fail(client: Client, seed: int) -> None:
    random = Random(seed)
    await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "default")
    for number in range(300):
        method, path, query, content_type, body = asked(random, number)
        data = None if body is None else orjson.dumps(body)
        headers = {"Content-Type": content_type, "User-Agent": "fuzz"}
        answer = await client.transport.request(method, path, query, headers, data)
        assert answer.status < 500, (method, path, data, await answer.read())
