"""The official Python client: typed and dynamic, watches and a shared informer."""

from __future__ import annotations

import sys
import threading

from kubernetes import client, config, dynamic, watch
from kubernetes.informer import ADDED, DELETED, SharedInformer


def typed(namespace: str) -> None:
    core, apps = client.CoreV1Api(), client.AppsV1Api()
    core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=namespace)))
    start = core.list_namespaced_config_map(namespace).metadata.resource_version
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="a", labels={"x": "y"}), data={"n": "0"})
    made = core.create_namespaced_config_map(namespace, body)
    assert made.metadata.uid
    patched = core.patch_namespaced_config_map("a", namespace, {"data": {"n": "1"}})
    assert patched.data == {"n": "1"}
    patched.data["n"] = "2"
    core.replace_namespaced_config_map("a", namespace, patched)
    answer = (0, "")
    try:
        core.replace_namespaced_config_map("a", namespace, patched)
    except client.ApiException as error:
        answer = (error.status, error.reason)
    assert answer == (409, "Conflict")
    core.delete_namespaced_config_map("a", namespace)
    kinds = []
    watcher = watch.Watch()
    for event in watcher.stream(core.list_namespaced_config_map, namespace, resource_version=start):
        kinds.append(event["type"])
        if event["type"] == "DELETED":
            watcher.stop()
    assert kinds == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"], kinds
    labels = {"app": "web"}
    container = client.V1Container(name="c", image="i")
    template = client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=[container])
    )
    spec = client.V1DeploymentSpec(selector=client.V1LabelSelector(match_labels=labels), template=template)
    deployment = client.V1Deployment(metadata=client.V1ObjectMeta(name="web"), spec=spec)
    assert apps.create_namespaced_deployment(namespace, deployment).spec.replicas == 1
    apps.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 3}})
    assert apps.read_namespaced_deployment("web", namespace).spec.replicas == 3
    assert [one.metadata.name for one in apps.list_deployment_for_all_namespaces().items] == ["web"]
    may = client.V1ResourceAttributes(verb="get", resource="pods", namespace=namespace)
    review = client.V1SelfSubjectAccessReview(
        spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=may)
    )
    assert client.AuthorizationV1Api().create_self_subject_access_review(review).status.allowed


def dynamic_client(namespace: str) -> None:
    resources = dynamic.DynamicClient(client.ApiClient()).resources
    secrets = resources.get(api_version="v1", kind="Secret")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "v"}}
    applied = secrets.server_side_apply(secret, namespace=namespace, field_manager="tests")
    assert applied.data.k == "dg=="
    assert applied.metadata.managedFields[0].manager == "tests"
    assert len(secrets.get(namespace=namespace, label_selector="a!=b").items) == 1
    secrets.delete("s", namespace)


def informer(namespace: str) -> None:
    core = client.CoreV1Api()
    shared = SharedInformer(list_func=core.list_namespaced_config_map, namespace=namespace)
    added, deleted = threading.Event(), threading.Event()
    shared.add_event_handler(ADDED, lambda obj: added.set())
    shared.add_event_handler(DELETED, lambda obj: deleted.set())
    shared.start()
    core.create_namespaced_config_map(namespace, client.V1ConfigMap(metadata=client.V1ObjectMeta(name="b")))
    assert added.wait(10)
    core.delete_namespaced_config_map("b", namespace)
    assert deleted.wait(10)
    shared.stop()


if __name__ == "__main__":
    config.load_kube_config(sys.argv[1])
    typed("official")
    dynamic_client("official")
    informer("official")
    print("done")
