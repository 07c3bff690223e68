"""kubernetes-asyncio: typed, dynamic, and a watch beside the writes."""

from __future__ import annotations

import asyncio
import sys

from kubernetes_asyncio import client, config, watch
from kubernetes_asyncio.client.api_client import ApiClient
from kubernetes_asyncio.dynamic import DynamicClient


async def follow(core: client.CoreV1Api, namespace: str, version: str) -> list[str]:
    kinds: list[str] = []
    async with watch.Watch().stream(
        core.list_namespaced_config_map, namespace, resource_version=version, label_selector="x=y"
    ) as stream:
        async for event in stream:
            kinds.append(event["type"])
            if event["type"] == "DELETED":
                return kinds
    return kinds


async def main(kubeconfig: str, namespace: str) -> None:
    await config.load_kube_config(kubeconfig)
    async with ApiClient() as api:
        core = client.CoreV1Api(api)
        await core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=namespace)))
        version = (await core.list_namespaced_config_map(namespace)).metadata.resource_version
        following = asyncio.create_task(follow(core, namespace, version))
        for i in range(10):
            meta = client.V1ObjectMeta(name=f"c{i}", labels={"x": "y"} if i == 5 else None)
            await core.create_namespaced_config_map(namespace, client.V1ConfigMap(metadata=meta))
        await core.patch_namespaced_config_map(
            "c5", namespace, [{"op": "add", "path": "/data", "value": {"a": "b"}}]
        )
        first = await core.list_namespaced_config_map(namespace, limit=4)
        rest = await core.list_namespaced_config_map(namespace, _continue=first.metadata._continue)
        assert len(first.items) + len(rest.items) == 10
        await core.delete_collection_namespaced_config_map(namespace)
        assert await asyncio.wait_for(following, 10) == ["ADDED", "MODIFIED", "DELETED"]
        resources = await DynamicClient(api)
        services = await resources.resources.get(api_version="v1", kind="Service")
        body = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
        made = await services.create(
            body={"apiVersion": "v1", "kind": "Service", **body}, namespace=namespace
        )
        assert made.spec.clusterIP
        await services.delete(name="s", namespace=namespace)
        status = 0
        try:
            await core.read_namespaced_service("s", namespace)
        except client.ApiException as error:
            status = error.status
        assert status == 404
    print("done")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], "asynchronous"))
