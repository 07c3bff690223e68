# ruff: noqa: E501 - texts stand here as clients see them
"""Validation: which field, which type of error, which words."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from steersman.api import defaults, kinds, validation

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.api.fields import FieldError
    from steersman.api.types import Object


def made(resource: kinds.Resource, **parts: Any) -> Object:
    metadata: Object = {"name": "x", "namespace": "ns"} if resource.namespaced else {"name": "x"}
    obj = {"metadata": metadata | parts.pop("metadata", {}), **copy.deepcopy(parts)}
    defaults.default(resource, obj)
    return obj


def texts(errors: list[FieldError]) -> list[str]:
    return [str(error) for error in errors]


def pod(container: Object | None = None, **spec: Any) -> Object:
    return made(kinds.PODS, spec={"containers": [{"name": "c", "image": "x", **(container or {})}], **spec})


def workload(resource: kinds.Resource, **spec: Any) -> Object:
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    return made(resource, spec={"selector": {"matchLabels": {"app": "x"}}, "template": template, **spec})


@pytest.mark.parametrize(
    ("obj", "error"),
    [
        (pod({"image": ""}), "spec.containers[0].image: Required value"),
        (
            pod(restartPolicy="Sometimes"),
            'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"',
        ),
        (
            pod({"volumeMounts": [{"name": "v", "mountPath": "/x"}]}),
            'spec.containers[0].volumeMounts[0].name: Not found: "v"',
        ),
        (
            pod({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}),
            'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
        ),
        (
            pod({"resources": {"requests": {"cpu": "-1"}}}),
            'spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0',
        ),
        (
            pod({"ports": [{"containerPort": 99999}]}),
            "spec.containers[0].ports[0].containerPort: Invalid value: 99999: must be between 1 and 65535, inclusive",
        ),
        (
            pod({"livenessProbe": {"httpGet": {"port": 1}, "exec": {"command": ["a"]}}}),
            "spec.containers[0].livenessProbe.httpGet: Forbidden: may not specify more than 1 handler type",
        ),
        (
            pod({"livenessProbe": {"httpGet": {"port": 1}, "successThreshold": 2}}),
            "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
        ),
        (
            pod(volumes=[{"name": "v", "emptyDir": {}, "secret": {"secretName": "s"}}]),
            "spec.volumes[0].secret: Forbidden: may not specify more than 1 volume type",
        ),
        (
            pod(tolerations=[{"operator": "Equal"}]),
            'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, '
            'which means "match all values and all keys"',
        ),
        (
            pod(ephemeralContainers=[{"name": "e", "image": "x"}]),
            "spec.ephemeralContainers: Forbidden: cannot be set on create",
        ),
    ],
    ids=lambda value: value.partition(":")[0] if isinstance(value, str) else "pod",
)
def test_a_pod_is_refused(obj: Object, error: str) -> None:
    assert texts(validation.validate_create(kinds.PODS, obj)) == [error]


def test_a_rich_pod_is_accepted() -> None:
    container = {
        "env": [
            {"name": "A", "value": "1"},
            {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a/b']"}}},
        ],
        "envFrom": [{"secretRef": {"name": "s"}}],
        "volumeMounts": [{"name": "v", "mountPath": "/x", "subPath": "a/b"}],
        "startupProbe": {"grpc": {"port": 1}},
        "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
        "securityContext": {"runAsUser": 0, "privileged": True},
    }
    term = {
        "topologyKey": "zone",
        "labelSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]},
    }
    obj = pod(
        container,
        volumes=[{"name": "v", "configMap": {"name": "m", "items": [{"key": "k", "path": "p"}]}}],
        initContainers=[
            {
                "name": "i",
                "image": "x",
                "restartPolicy": "Always",
                "readinessProbe": {"exec": {"command": ["a"]}},
            }
        ],
        affinity={"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}},
        tolerations=[{"operator": "Exists"}],
        nodeSelector={"disk": "ssd"},
        hostAliases=[{"ip": "10.0.0.1", "hostnames": ["a.b"]}],
    )
    assert texts(validation.validate_create(kinds.PODS, obj)) == []


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda spec: spec["containers"][0].update(image="y"), None),
        (lambda spec: spec.update(tolerations=[{"operator": "Exists"}]), None),
        (lambda spec: spec.update(activeDeadlineSeconds=5), None),
        (
            lambda spec: spec["containers"][0].update(command=["a"]),
            "spec: Forbidden: pod updates may not change",
        ),
        (lambda spec: spec.update(nodeName="n"), "spec: Forbidden: pod updates may not change"),
        (
            lambda spec: spec["containers"].append({"name": "d"}),
            "spec.containers: Forbidden: pod updates may not add",
        ),
        (
            lambda spec: spec.update(schedulingGates=[{"name": "g"}]),
            "spec.schedulingGates: Forbidden: only deletion",
        ),
    ],
    ids=["image", "toleration added", "deadline", "command", "node", "container added", "gate added"],
)
def test_a_pod_update(change: Callable[[Object], object], part: str | None) -> None:
    old = pod()
    new = copy.deepcopy(old)
    change(new["spec"])
    found = texts(validation.validate_update(kinds.PODS, new, old))
    assert (found == []) if part is None else found[0].startswith(part)


def test_gates_can_only_go() -> None:
    old = pod(schedulingGates=[{"name": "a"}, {"name": "b"}])
    new = copy.deepcopy(old)
    new["spec"]["schedulingGates"] = [{"name": "b"}]
    new["spec"]["nodeSelector"] = {"disk": "ssd"}
    assert texts(validation.validate_update(kinds.PODS, new, old)) == []


@pytest.mark.parametrize(
    ("resource", "parts", "errors"),
    [
        (
            kinds.CONFIG_MAPS,
            {"data": {"a/b": "x"}},
            ["data[a/b]: Invalid value"],
        ),
        (
            kinds.SECRETS,
            {"type": "kubernetes.io/tls"},
            ["data[tls.crt]: Required value", "data[tls.key]: Required"],
        ),
        (
            kinds.SECRETS,
            {"type": "kubernetes.io/service-account-token"},
            ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
        ),
        (kinds.SECRETS, {"data": {"a": "%"}}, ["data[a]: Invalid value"]),
        (kinds.SERVICES, {"spec": {}}, ["spec.ports: Required value"]),
        (
            kinds.SERVICES,
            {"spec": {"ports": [{"port": 1}, {"port": 2, "name": "b"}]}},
            ["spec.ports[0].name: Required value"],
        ),
        (
            kinds.SERVICES,
            {"spec": {"type": "Foo", "ports": [{"port": 1}]}},
            [
                'spec.type: Unsupported value: "Foo": supported values: "ClusterIP", "ExternalName", "LoadBalancer"'
            ],
        ),
        (
            kinds.SERVICES,
            {"spec": {"ports": [{"port": 1, "nodePort": 30000}]}},
            ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
        ),
        (
            kinds.CRON_JOBS,
            {"spec": {"schedule": "* *"}},
            ["spec.schedule: Invalid value", "spec.jobTemplate", "spec.jobTemplate"],
        ),
        (
            kinds.ROLES,
            {"rules": [{"verbs": ["get"], "resources": ["pods"]}]},
            ["rules[0].apiGroups: Required value"],
        ),
        (
            kinds.CLUSTER_ROLE_BINDINGS,
            {"roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "ServiceAccount", "name": "a"}]},
            ["roleRef.kind: Unsupported value", "subjects[0].namespace: Required value"],
        ),
        (
            kinds.LEASES,
            {"spec": {"leaseDurationSeconds": 0}},
            ["spec.leaseDurationSeconds: Invalid value: 0"],
        ),
        (
            kinds.ENDPOINT_SLICES,
            {"addressType": "IPv4", "endpoints": [{"addresses": ["::1"]}]},
            ["endpoints[0].addresses[0]: Invalid value"],
        ),
        (
            kinds.PERSISTENT_VOLUME_CLAIMS,
            {"spec": {"accessModes": ["ReadWriteOnce"]}},
            ["spec.resources[storage]: Required value"],
        ),
        (kinds.PRIORITY_CLASSES, {"value": 2 * 10**9}, ["value: Forbidden: maximum allowed value"]),
        (
            kinds.NETWORK_POLICIES,
            {
                "spec": {
                    "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}}]}]
                }
            },
            ["spec.ingress[0].from[0].ipBlock.except[0]: Invalid value"],
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, kinds.Resource) else "",
)
def test_an_object_is_refused(resource: kinds.Resource, parts: Object, errors: list[str]) -> None:
    found = texts(validation.validate_create(resource, made(resource, **parts)))
    assert len(found) == len(errors), found
    assert all(text.startswith(error) for text, error in zip(found, errors, strict=True)), found


WORKLOADS = [kinds.DEPLOYMENTS, kinds.REPLICA_SETS, kinds.STATEFUL_SETS, kinds.DAEMON_SETS]


@pytest.mark.parametrize("resource", WORKLOADS, ids=str)
def test_a_workload_must_select_its_template(resource: kinds.Resource) -> None:
    assert texts(validation.validate_create(resource, workload(resource))) == []
    other = workload(resource, selector={"matchLabels": {"app": "y"}})
    assert texts(validation.validate_create(resource, other)) == [
        'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`'
    ]


@pytest.mark.parametrize("resource", WORKLOADS, ids=str)
def test_a_selector_never_changes(resource: kinds.Resource) -> None:
    old = workload(resource)
    new = copy.deepcopy(old)
    new["spec"]["selector"]["matchLabels"]["b"] = "c"
    new["spec"]["template"]["metadata"]["labels"]["b"] = "c"
    found = texts(validation.validate_update(resource, new, old))
    assert any("field is immutable" in text or "are forbidden" in text for text in found)


def test_a_job_must_not_restart_always() -> None:
    job = workload(kinds.JOBS)
    assert texts(validation.validate_create(kinds.JOBS, job)) == [
        'spec.template.spec.restartPolicy: Unsupported value: "Always": supported values: "Never", "OnFailure"'
    ]


@pytest.mark.parametrize(
    ("resource", "old", "new", "error"),
    [
        (
            kinds.CONFIG_MAPS,
            {"data": {"a": "1"}, "immutable": True},
            {"data": {"a": "2"}, "immutable": True},
            "data: Forbidden",
        ),
        (kinds.SECRETS, {"type": "a"}, {"type": "b"}, 'type: Invalid value: "b": field is immutable'),
        (
            kinds.ROLE_BINDINGS,
            {"roleRef": {"kind": "Role", "name": "a"}},
            {"roleRef": {"kind": "Role", "name": "b"}},
            "roleRef: Invalid value",
        ),
        (kinds.STORAGE_CLASSES, {"provisioner": "a/b"}, {"provisioner": "a/c"}, "provisioner: Forbidden"),
        (
            kinds.NODES,
            {"spec": {"podCIDRs": ["10.0.0.0/24"]}},
            {"spec": {"podCIDRs": ["10.0.1.0/24"]}},
            "spec.podCIDRs: Forbidden",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, kinds.Resource) else "",
)
def test_a_change_is_refused(resource: kinds.Resource, old: Object, new: Object, error: str) -> None:
    found = texts(validation.validate_update(resource, made(resource, **new), made(resource, **old)))
    assert any(text.startswith(error) for text in found), found


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({"name": "Bad"}, "metadata.name: Invalid value"),
        ({"name": ""}, "metadata.name: Required value: name or generateName is required"),
        ({"namespace": ""}, "metadata.namespace: Required value"),
        ({"labels": {"a": "b c"}}, "metadata.labels: Invalid value"),
        ({"annotations": {"a b": ""}}, "metadata.annotations: Invalid value"),
        (
            {"annotations": {"a": "x" * 300_000}},
            "metadata.annotations: Too long: may not be more than 262144 bytes",
        ),
        (
            {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p"}]},
            "metadata.ownerReferences[0].uid",
        ),
        ({"finalizers": ["a b"]}, "metadata.finalizers: Invalid value"),
    ],
)
def test_metadata_is_refused(metadata: Object, error: str) -> None:
    found = texts(validation.validate_create(kinds.CONFIG_MAPS, made(kinds.CONFIG_MAPS, metadata=metadata)))
    assert len(found) == 1
    assert found[0].startswith(error)


def test_a_deleted_object_gets_no_new_finalizers() -> None:
    old = made(kinds.CONFIG_MAPS, metadata={"deletionTimestamp": "t", "finalizers": ["a/b"]})
    new = copy.deepcopy(old)
    new["metadata"]["finalizers"].append("c/d")
    assert texts(validation.validate_update(kinds.CONFIG_MAPS, new, old)) == [
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, "
        'found new finalizers ["c/d"]'
    ]


def test_a_workload_without_a_spec_is_told_all_it_lacks() -> None:
    assert texts(validation.validate_create(kinds.DEPLOYMENTS, made(kinds.DEPLOYMENTS))) == [
        "spec.selector: Required value",
        "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
        "spec.template.spec.containers: Required value",
    ]


@pytest.mark.parametrize("resource", kinds.RESOURCES, ids=str)
def test_an_empty_object_never_breaks_a_validator(resource: kinds.Resource) -> None:
    obj = made(resource)
    validation.validate_create(resource, obj)
    validation.validate_update(resource, obj, copy.deepcopy(obj))
    validation.validate_status_update(resource, obj, copy.deepcopy(obj))
