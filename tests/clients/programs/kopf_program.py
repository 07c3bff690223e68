"""An operator on kopf: creation, a changed field, a child with an owner, deletion behind a finalizer.
kopf itself finds the cluster by the environment's KUBECONFIG."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import kopf
from kubernetes import client, config

if TYPE_CHECKING:
    from collections.abc import Callable

GROUP, VERSION, PLURAL = "tests.steersman.dev", "v1", "volumes"
NAMESPACE = "operator"
DELETED = threading.Event()


@kopf.on.create(GROUP, VERSION, PLURAL)
def created(
    body: kopf.Body, spec: kopf.Spec, name: str, namespace: str | None, **_: Any
) -> dict[str, str | None]:
    assert namespace is not None
    claim: Any = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": spec["size"]}}},
    }
    kopf.adopt(claim, owner=body)
    made = client.CoreV1Api().create_namespaced_persistent_volume_claim(namespace, claim)
    kopf.info(body, reason="Claimed", message=f"made {made.metadata.name}")
    return {"claim": made.metadata.name}


@kopf.on.field(GROUP, VERSION, PLURAL, field="spec.owner", old=kopf.PRESENT)
def renamed(old: Any, new: Any, name: str, namespace: str | None, **_: Any) -> None:
    assert namespace is not None
    labels = {"metadata": {"labels": {"owner": new, "before": old}}}
    client.CoreV1Api().patch_namespaced_persistent_volume_claim(name, namespace, labels)


@kopf.on.delete(GROUP, VERSION, PLURAL)
def deleted(**_: Any) -> None:
    DELETED.set()


def until(what: str, holds: Callable[[], Any]) -> Any:
    """Wait for the operator."""
    end = time.monotonic() + 15
    while True:
        try:
            if result := holds():
                return result
        except client.ApiException as error:
            if error.status != 404:
                raise
        assert time.monotonic() < end, f"not in time: {what}"
        time.sleep(0.05)


def define() -> None:
    schema = {"type": "object", "properties": {"size": {"type": "string"}, "owner": {"type": "string"}}}
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": schema, "status": free}}},
        "additionalPrinterColumns": [{"name": "Size", "type": "string", "jsonPath": ".spec.size"}],
    }
    names = {"kind": "Volume", "plural": PLURAL, "singular": "volume"}
    spec = {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]}
    body = {"metadata": {"name": f"{PLURAL}.{GROUP}"}, "spec": spec}
    extensions = client.ApiextensionsV1Api()
    definition: Any = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", **body}
    extensions.create_custom_resource_definition(definition)

    def established() -> bool:
        status = extensions.read_custom_resource_definition(f"{PLURAL}.{GROUP}").status
        held = [one.type for one in (status and status.conditions) or () if one.status == "True"]
        return "Established" in held

    until("the definition is established", established)


def use() -> None:
    core, custom = client.CoreV1Api(), client.CustomObjectsApi()
    where = (GROUP, VERSION, NAMESPACE, PLURAL)
    spec = {"size": "1Gi", "owner": "a"}
    volume = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "Volume", "metadata": {"name": "v"}, "spec": spec}
    custom.create_namespaced_custom_object(*where, volume)

    def done() -> Any:
        found: Any = custom.get_namespaced_custom_object(*where, "v")
        return found if found.get("status", {}).get("created") else None

    found = until("creation is handled", done)
    assert found["status"]["created"] == {"claim": "v"}
    assert found["metadata"]["finalizers"]
    claim = core.read_namespaced_persistent_volume_claim("v", NAMESPACE)
    owners = claim.metadata.owner_references or []
    assert owners[0].uid == found["metadata"]["uid"]
    custom.patch_namespaced_custom_object(*where, "v", {"spec": {"owner": "b"}})

    def labelled() -> bool:
        read = core.read_namespaced_persistent_volume_claim("v", NAMESPACE)
        return (read.metadata.labels or {}) == {"owner": "b", "before": "a"}

    until("the change is handled", labelled)
    until(
        "the event is written",
        lambda: [one for one in core.list_namespaced_event(NAMESPACE).items if one.reason == "Claimed"],
    )
    custom.delete_namespaced_custom_object(*where, "v")

    def gone() -> bool:
        listed: Any = custom.list_namespaced_custom_object(*where)
        return not listed["items"]

    until("the object is gone", gone)
    assert DELETED.is_set()


def main(kubeconfig: str) -> None:
    config.load_kube_config(kubeconfig)
    client.CoreV1Api().create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=NAMESPACE)))
    define()
    stop, ready = threading.Event(), threading.Event()

    def operate() -> None:
        kopf.run(standalone=True, namespaces=[NAMESPACE], stop_flag=stop, ready_flag=ready)

    operator = threading.Thread(target=operate)
    operator.start()
    try:
        assert ready.wait(15)
        use()
    finally:
        stop.set()
        operator.join(15)
    assert not operator.is_alive()
    print("done")


if __name__ == "__main__":
    main(sys.argv[1])
