"""Which flow and which priority level requests belong to, by the default objects."""

from __future__ import annotations

import pytest

from steersman.apiserver.authn import User
from steersman.apiserver.fairness.fairness import Fairness
from steersman.apiserver.http.request_info import parse

EVERYBODY = "system:authenticated"
NODE = User("system:node:a", groups=("system:nodes", EVERYBODY))
ADMIN = User("kubernetes-admin", groups=("system:masters", EVERYBODY))
ACCOUNT = User("system:serviceaccount:kube-system:gc", groups=("system:serviceaccounts", EVERYBODY))
APP = User("system:serviceaccount:shop:web", groups=("system:serviceaccounts", EVERYBODY))
MANAGER = User("system:kube-controller-manager", groups=(EVERYBODY,))
ALICE = User("alice", groups=(EVERYBODY,))
STRANGER = User("x", groups=())
LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x"


@pytest.mark.parametrize(
    ("user", "method", "path", "schema", "level"),
    [
        pytest.param(ADMIN, "GET", "/api/v1/pods", "exempt", "exempt", id="masters are exempt"),
        pytest.param(ALICE, "GET", "/healthz", "probes", "exempt", id="so are probes"),
        pytest.param(
            MANAGER, "PUT", LEASE, "system-leader-election", "leader-election", id="elections of the system"
        ),
        pytest.param(
            ACCOUNT, "PUT", LEASE, "system-leader-election", "leader-election", id="elections of accounts"
        ),
        pytest.param(
            NODE, "PATCH", "/api/v1/nodes/a/status", "system-node-high", "node-high", id="heartbeats"
        ),
        pytest.param(NODE, "GET", "/api/v1/pods", "system-nodes", "system", id="what else nodes ask"),
        pytest.param(
            MANAGER, "GET", "/api/v1/pods", "kube-controller-manager", "workload-high", id="manager"
        ),
        pytest.param(
            ACCOUNT, "GET", "/api/v1/pods", "kube-system-service-accounts", "workload-high", id="kube-system"
        ),
        pytest.param(APP, "GET", "/api/v1/pods", "service-accounts", "workload-low", id="other accounts"),
        pytest.param(ALICE, "GET", "/api/v1/pods", "global-default", "global-default", id="people"),
        pytest.param(STRANGER, "GET", "/api/v1/pods", "", "catch-all", id="whatever is left"),
    ],
)
def test_requests_belong_to(user: User, method: str, path: str, schema: str, level: str) -> None:
    place = Fairness(600)._find(parse(method, path), user)
    assert (place.flow.partition("/")[0], place.level.name) == (schema, level)


def test_flows_are_told_apart_by_user_or_namespace() -> None:
    fairness = Fairness(600)
    pods = parse("GET", "/api/v1/namespaces/shop/pods")
    assert fairness._find(pods, APP).flow == "service-accounts/system:serviceaccount:shop:web"
    assert fairness._find(pods, MANAGER).flow == "kube-controller-manager/shop"
