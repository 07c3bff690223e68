"""CustomResourceDefinitions for tests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from steersman.api import kinds, meta
from steersman.api.resource import MODIFY, Resource, Subresource

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client.rest import Client

CRON_TABS = Resource(
    "stable.example.com",
    "v1",
    "CronTab",
    "crontabs",
    "crontab",
    True,
    subresources=(
        Subresource("status", "CronTab", MODIFY),
        Subresource("scale", "Scale", MODIFY, "autoscaling", "v1"),
    ),
    custom=True,
)

SPEC_SCHEMA: Object = {
    "type": "object",
    "required": ["cronSpec"],
    "properties": {
        "cronSpec": {"type": "string", "description": "When it runs.", "pattern": r"^(\S+\s+){4}\S+$"},
        "image": {"type": "string", "default": "busybox"},
        "replicas": {"type": "integer", "minimum": 0, "maximum": 10},
        "port": {"x-kubernetes-int-or-string": True},
        "extra": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "template": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        },
        "ports": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["port"],
            "items": {
                "type": "object",
                "required": ["port"],
                "properties": {"port": {"type": "integer"}, "name": {"type": "string"}},
            },
        },
    },
}


def schema(spec: Object | None = None) -> Object:
    """The schema of a whole CronTab."""
    return {
        "type": "object",
        "properties": {
            "spec": spec or SPEC_SCHEMA,
            "status": {
                "type": "object",
                "properties": {"replicas": {"type": "integer"}, "selector": {"type": "string"}},
            },
        },
    }


def version(name: str = "v1", *, storage: bool = True, **more: Any) -> Object:
    """One version with status, scale and columns."""
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": schema()},
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "additionalPrinterColumns": [
            {"name": "Spec", "type": "string", "jsonPath": ".spec.cronSpec"},
            {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas"},
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ],
        "selectableFields": [{"jsonPath": ".spec.image"}],
        **more,
    }


def definition(*versions: Object, plural: str = "crontabs", **names: Any) -> Object:
    """The definition of CronTabs."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.stable.example.com"},
        "spec": {
            "group": "stable.example.com",
            "scope": "Namespaced",
            "names": {
                "plural": plural,
                "singular": "crontab",
                "kind": "CronTab",
                "shortNames": ["ct"],
                "categories": ["all"],
                **names,
            },
            "versions": list(versions) or [version()],
        },
    }


def cron_tab(name: str = "my", **spec: Any) -> Object:
    """A valid CronTab."""
    return {
        "apiVersion": "stable.example.com/v1",
        "kind": "CronTab",
        "metadata": {"name": name},
        "spec": {"cronSpec": "* * * * */5", **spec},
    }


async def install(client: Client, made: Object | None = None) -> Object:
    """Create a definition and wait until it is established."""
    made = made or definition()
    await client.create(kinds.CUSTOM_RESOURCE_DEFINITIONS, made)
    return await wait_condition(client, made["metadata"]["name"], "Established")


async def wait_condition(client: Client, name: str, type_: str, status: str = "True") -> Object:
    """Wait for a condition of a definition."""
    async with asyncio.timeout(5):
        while True:
            found = await client.get(kinds.CUSTOM_RESOURCE_DEFINITIONS, name)
            condition = meta.get_condition(found, type_)
            if condition is not None and condition["status"] == status:
                return found
            await asyncio.sleep(0)


async def wait_gone(client: Client, name: str = "crontabs.stable.example.com") -> None:
    """Wait until a definition is gone."""
    from steersman.api.errors import NotFound

    async with asyncio.timeout(5):
        while True:
            try:
                await client.get(kinds.CUSTOM_RESOURCE_DEFINITIONS, name)
            except NotFound:
                return
            await asyncio.sleep(0)
