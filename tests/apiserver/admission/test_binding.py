"""What admission sees when a pod is bound: the creation of a Binding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from steersman.api import kinds
from steersman.api.errors import Forbidden

if TYPE_CHECKING:
    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes, Operation
    from steersman.apiserver.server import APIServer
    from steersman.client.rest import Client

POD = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


class OnlyTo:
    """Lets pods be bound to one node only, and notes what it was asked about."""

    name = "OnlyTo"

    def __init__(self, node: str) -> None:
        self.node, self.seen = node, list[tuple[str, str, str, str]]()

    def handles(self, resource: Resource, subresource: str, operation: Operation) -> bool:
        return resource.plural in ("pods", "bindings")

    async def mutate(self, attributes: Attributes) -> None:
        assert attributes.obj is not None
        attributes.obj["metadata"].setdefault("labels", {})["seen"] = "yes"

    async def validate(self, attributes: Attributes) -> None:
        obj = attributes.obj or {}
        self.seen.append((attributes.operation, attributes.subresource, obj["kind"], attributes.name))
        if obj["target"]["name"] != self.node:
            raise Forbidden("not there")


def binding(node: str) -> Object:
    return {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"name": node}}


async def test_a_binding_is_admitted_as_itself_and_once(apiserver: APIServer, client: Client) -> None:
    await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "default")
    await client.create(kinds.PODS, POD, "default")
    plugin = OnlyTo("n1")
    apiserver.api.use_plugins((plugin,))
    with pytest.raises(Forbidden, match="not there"):
        await client.create(kinds.PODS, binding("n2"), "default", name="p", subresource="binding")
    await client.create(kinds.PODS, binding("n1"), "default", name="p", subresource="binding")
    assert plugin.seen == [("CREATE", "binding", "Binding", "p")] * 2
    pod = await client.get(kinds.PODS, "p", "default")
    assert (pod["spec"]["nodeName"], pod["metadata"]["labels"]) == ("n1", {"seen": "yes"})
