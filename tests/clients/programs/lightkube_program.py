"""lightkube: typed and generic resources, apply, watch and wait."""

from __future__ import annotations

import sys

from lightkube import ApiError, Client, KubeConfig
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.apps_v1 import DeploymentSpec
from lightkube.models.core_v1 import Container, PodSpec, PodTemplateSpec
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Namespace
from lightkube.types import PatchType


def main(kubeconfig: str, namespace: str) -> None:
    client = Client(KubeConfig.from_file(kubeconfig), namespace=namespace, field_manager="tests")
    client.create(Namespace(metadata=ObjectMeta(name=namespace)))
    start = client.create(ConfigMap(metadata=ObjectMeta(name="a"), data={"n": "0"}))
    client.patch(ConfigMap, "a", {"data": {"n": "1"}}, patch_type=PatchType.MERGE)
    client.apply(ConfigMap(metadata=ObjectMeta(name="b", labels={"l": "1"}), data={"k": "v"}))
    applied = client.apply(ConfigMap(metadata=ObjectMeta(name="b"), data={"k": "w"}))
    assert (applied.data, applied.metadata.labels) == ({"k": "w"}, None)
    assert sorted(one.metadata.name or "" for one in client.list(ConfigMap)) == ["a", "b"]
    assert [one.metadata.name for one in client.list(ConfigMap, fields={"metadata.name": "b"})] == ["b"]
    client.delete(ConfigMap, "a")
    seen = []
    for kind, obj in client.watch(ConfigMap, resource_version=start.metadata.resourceVersion):
        seen.append((kind, obj.metadata.name))
        if kind == "DELETED":
            break
    assert seen == [("MODIFIED", "a"), ("ADDED", "b"), ("MODIFIED", "b"), ("DELETED", "a")], seen
    template = PodTemplateSpec(
        metadata=ObjectMeta(labels={"app": "web"}), spec=PodSpec(containers=[Container("c", image="i")])
    )
    spec = DeploymentSpec(selector=LabelSelector(matchLabels={"app": "web"}), template=template)
    client.create(Deployment(metadata=ObjectMeta(name="web"), spec=spec))
    scale = client.get(Deployment.Scale, "web")
    scale.spec.replicas = 2
    client.replace(scale, "web")
    condition = {"type": "Available", "status": "True", "reason": "tests", "message": ""}
    client.patch(Deployment.Status, "web", {"status": {"replicas": 2, "conditions": [condition]}})
    assert client.wait(Deployment, "web", for_conditions=["Available"]).spec.replicas == 2
    generic = create_namespaced_resource("coordination.k8s.io", "v1", "Lease", "leases")
    lease = generic(metadata=ObjectMeta(name="l"), spec={"holderIdentity": "me"})
    assert client.create(lease).spec["holderIdentity"] == "me"
    client.delete(generic, "l")
    answer: tuple[int | None, str | None] = (0, "")
    try:
        client.get(generic, "l")
    except ApiError as error:
        answer = (error.status.code, error.status.reason)
    assert answer == (404, "NotFound")
    print("done")


if __name__ == "__main__":
    main(sys.argv[1], "lightkube")
