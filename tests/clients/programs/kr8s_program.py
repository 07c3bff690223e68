"""kr8s: objects that create, patch, watch and delete themselves."""

from __future__ import annotations

import asyncio
import sys

import kr8s.asyncio
from kr8s.asyncio.objects import ConfigMap, Deployment, Namespace, new_class


async def main(kubeconfig: str, namespace: str) -> None:
    api = await kr8s.asyncio.api(kubeconfig=kubeconfig)
    assert int((await api.version())["minor"].rstrip("+")) >= 30
    await (await Namespace({"metadata": {"name": namespace}}, api=api)).create()
    where = {"namespace": namespace}
    one = await ConfigMap({"metadata": {"name": "a", **where}, "data": {"n": "0"}}, api=api)
    await one.create()
    await one.patch({"data": {"n": "1"}})
    await one.label({"x": "y"})
    await one.annotate({"note": "z"})
    found = [obj async for obj in api.get("configmaps", namespace=namespace, label_selector={"x": "y"})]
    assert [(obj.name, obj.raw["data"]["n"]) for obj in found] == [("a", "1")]

    async def first_deletion() -> str:
        async for kind, obj in api.watch("configmaps", namespace=namespace):
            if kind == "DELETED":
                return obj.name
        return ""

    following = asyncio.create_task(first_deletion())
    await asyncio.sleep(0)
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    web = await Deployment({"metadata": {"name": "web", **where}, "spec": spec}, api=api)
    await web.create()
    await web.patch({"spec": {"replicas": 2}}, subresource="scale")
    await web.refresh()
    assert web.replicas == 2
    leases = new_class("Lease", version="coordination.k8s.io/v1", asyncio=True, namespaced=True)
    lease = await leases({"metadata": {"name": "l", **where}, "spec": {"holderIdentity": "me"}}, api=api)
    await lease.create()
    assert await lease.exists()
    await lease.delete()
    assert not await lease.exists()
    while not following.done():  # the watch may begin after a deletion: it needs one that it sees
        await one.delete()
        await asyncio.wait([following], timeout=0.3)
        if not following.done():
            one = await ConfigMap({"metadata": {"name": "a", **where}}, api=api)
            await one.create()
    assert following.result() == "a"
    print("done")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], "kr8s"))
