"""OpenAPI documents: what kubectl and generators look for in them."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest

from steersman.api import kinds
from steersman.api.kinds import SERVED, Resource
from steersman.api.openapi import CustomSchema, v2, v3

CRON_TABS = Resource("stable.example.com", "v1", "CronTab", "crontabs", "crontab", True, custom=True)
CUSTOM = CustomSchema(
    CRON_TABS, {"type": "object", "properties": {"spec": {"type": "object", "nullable": True}}}
)


@pytest.fixture(scope="module")
def apps() -> Any:
    return orjson.loads(v3.document("apps", "v1", SERVED))


@pytest.fixture(scope="module")
def swagger() -> Any:
    return orjson.loads(v2.document([*SERVED, CRON_TABS], [CUSTOM]))


def references(document: bytes) -> set[str]:
    return {match.decode() for match in re.findall(rb'"\$ref":"#/[a-z/]+/([^"]+)"', document)}


def test_a_patch_says_how_fields_are_validated_and_what_it_accepts(apps: Any) -> None:
    patch = apps["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert "fieldValidation" in [parameter["name"] for parameter in patch["parameters"]]
    assert "application/strategic-merge-patch+json" in patch["requestBody"]["content"]
    assert patch["x-kubernetes-group-version-kind"] == {
        "group": "apps",
        "version": "v1",
        "kind": "Deployment",
    }
    assert patch["operationId"] == "patchAppsV1NamespacedDeployment"


def test_schemas_carry_their_kind_prose_and_merge_keys(apps: Any) -> None:
    schemas = apps["components"]["schemas"]
    deployment = schemas["io.k8s.api.apps.v1.Deployment"]
    assert deployment["x-kubernetes-group-version-kind"] == [
        {"group": "apps", "version": "v1", "kind": "Deployment"}
    ]
    strategy = schemas["io.k8s.api.apps.v1.DeploymentSpec"]["properties"]["strategy"]
    assert "allOf" in strategy
    assert strategy["description"]
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"


@pytest.mark.parametrize("group_version", kinds.discovery_order(SERVED), ids=lambda pair: pair[0] or "core")
def test_every_reference_is_defined(group_version: tuple[str, list[str]]) -> None:
    group, versions = group_version
    for version in versions:
        encoded = v3.document(group, version, SERVED)
        assert references(encoded) <= orjson.loads(encoded)["components"]["schemas"].keys()


def test_the_second_version_holds_everything(swagger: Any) -> None:
    encoded = orjson.dumps(swagger)
    assert references(encoded) <= swagger["definitions"].keys()
    assert "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale" in swagger["paths"]
    ids = [
        operation["operationId"]
        for item in swagger["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    ]
    assert len(ids) == len(set(ids))


def test_custom_resources_are_published(swagger: Any) -> None:
    definition = swagger["definitions"]["com.example.stable.v1.CronTab"]
    assert "nullable" not in definition["properties"]["spec"]
    assert definition["properties"]["metadata"]["$ref"].endswith("ObjectMeta")
    document = orjson.loads(v3.document("stable.example.com", "v1", [CRON_TABS], [CUSTOM]))
    assert document["components"]["schemas"]["com.example.stable.v1.CronTab"]["properties"]["spec"][
        "nullable"
    ]


def test_the_index_names_documents_by_what_they_are_made_of() -> None:
    before, after = v3.index(SERVED), v3.index([*SERVED, CRON_TABS], [CUSTOM])
    assert before["paths"]["apis/apps/v1"] == after["paths"]["apis/apps/v1"]
    assert "apis/stable.example.com/v1" in after["paths"]
    assert before["paths"]["api/v1"]["serverRelativeURL"].startswith("/openapi/v3/api/v1?hash=")
    assert v3.document("nobody.example.com", "v1", SERVED) == b""
