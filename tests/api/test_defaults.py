"""Defaults: what is made explicit, and that it is made so once."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from steersman.api import defaults, kinds

if TYPE_CHECKING:
    from steersman.api.types import Object


def completed(resource: kinds.Resource, **parts: Any) -> Object:
    obj = {"metadata": {"name": "x", "namespace": "ns"}, **parts}
    defaults.default(resource, obj)
    return obj


def pod_with(container: Object | None = None, **spec: Any) -> Object:
    return completed(
        kinds.PODS, spec={"containers": [{"name": "c", "image": "x", **(container or {})}], **spec}
    )


def test_a_bare_pod_is_complete() -> None:
    spec = pod_with()["spec"]
    assert spec == {
        "containers": [
            {
                "name": "c",
                "image": "x",
                "imagePullPolicy": "Always",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": True,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    }


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("registry:5000/nginx", "Always"),
        ("registry:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:" + "0" * 64, "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    assert pod_with({"image": image})["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_requests_come_from_limits_and_quantities_are_canonical() -> None:
    resources = {"limits": {"cpu": "1000m", "memory": "1024Mi"}, "requests": {"cpu": 0.5}}
    found = pod_with({"resources": resources})["spec"]["containers"][0]["resources"]
    assert found == {
        "limits": {"cpu": "1", "memory": "1Gi"},
        "requests": {"cpu": "500m", "memory": "1Gi"},
    }


def test_probes_volumes_and_references() -> None:
    container = {
        "livenessProbe": {"httpGet": {"port": 80}},
        "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "ports": [{"containerPort": 80}],
    }
    volumes = [
        {"name": "a"},
        {"name": "b", "hostPath": {"path": "/x"}},
        {"name": "c", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
        {
            "name": "d",
            "downwardAPI": {"items": [{"path": "n", "resourceFieldRef": {"resource": "limits.cpu"}}]},
        },
    ]
    spec = pod_with(container, volumes=volumes, hostNetwork=True)["spec"]
    made = spec["containers"][0]
    assert made["livenessProbe"] == {
        "failureThreshold": 3,
        "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
        "periodSeconds": 10,
        "successThreshold": 1,
        "timeoutSeconds": 1,
    }
    assert made["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] == "v1"
    assert made["ports"] == [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]
    assert spec["volumes"][0] == {"name": "a", "emptyDir": {}}
    assert spec["volumes"][1]["hostPath"]["type"] == ""
    assert spec["volumes"][2]["projected"] == {
        "defaultMode": 0o644,
        "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}],
    }
    assert spec["volumes"][3]["downwardAPI"]["items"][0]["resourceFieldRef"]["divisor"] == "0"


TEMPLATE: Object = {
    "metadata": {"labels": {"app": "x"}},
    "spec": {"containers": [{"name": "c", "image": "x:1"}]},
}


@pytest.mark.parametrize(
    ("resource", "spec", "expected"),
    [
        (
            kinds.DEPLOYMENTS,
            {"template": TEMPLATE},
            {
                "replicas": 1,
                "revisionHistoryLimit": 10,
                "progressDeadlineSeconds": 600,
                "strategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
                },
            },
        ),
        (kinds.DEPLOYMENTS, {"strategy": {"type": "Recreate"}}, {"strategy": {"type": "Recreate"}}),
        (
            kinds.SERVICES,
            {"ports": [{"port": 80}]},
            {
                "type": "ClusterIP",
                "sessionAffinity": "None",
                "internalTrafficPolicy": "Cluster",
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
            },
        ),
        (kinds.SERVICES, {"type": "NodePort"}, {"externalTrafficPolicy": "Cluster"}),
        (
            kinds.SERVICES,
            {"sessionAffinity": "ClientIP"},
            {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}},
        ),
        (kinds.JOBS, {"template": TEMPLATE}, {"completions": 1, "parallelism": 1, "backoffLimit": 6}),
        (kinds.NETWORK_POLICIES, {"egress": [{}]}, {"policyTypes": ["Ingress", "Egress"]}),
        (
            kinds.REPLICATION_CONTROLLERS,
            {"template": TEMPLATE},
            {"selector": {"app": "x"}, "replicas": 1},
        ),
    ],
)
def test_a_spec_gets(resource: kinds.Resource, spec: Object, expected: Object) -> None:
    found = completed(resource, spec=copy.deepcopy(spec))["spec"]
    assert {name: found[name] for name in expected} == expected


def test_templates_do_not_get_requests_from_limits() -> None:
    template = copy.deepcopy(TEMPLATE)
    template["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1"}}
    made = completed(kinds.DEPLOYMENTS, spec={"template": template})["spec"]["template"]["spec"]
    assert made["containers"][0]["resources"] == {"limits": {"cpu": "1"}}
    assert "enableServiceLinks" not in made


@pytest.mark.parametrize("resource", kinds.RESOURCES, ids=str)
@pytest.mark.parametrize(
    "body",
    [{}, {"spec": {}}, {"spec": {"template": TEMPLATE}, "template": TEMPLATE}],
    ids=["nothing", "an empty spec", "a template"],
)
def test_defaulting_twice_changes_nothing(resource: kinds.Resource, body: Object) -> None:
    once = {"metadata": {"name": "x"}, **copy.deepcopy(body)}
    defaults.default(resource, once)
    twice = copy.deepcopy(once)
    defaults.default(resource, twice)
    assert twice == once


def test_string_data_is_folded_into_data() -> None:
    secret = completed(kinds.SECRETS, stringData={"a": "x"}, data={"a": "b2xk", "b": "b2xk"})
    assert secret["data"] == {"a": "eA==", "b": "b2xk"}
    assert "stringData" not in secret
