"""The FlowSchemas and PriorityLevelConfigurations every cluster has.

The mandatory ones are kept as they are here; the suggested ones are made, and follow this file as long as
their annotation says so. Source of names, precedences and figures: k8s
apiserver/pkg/apis/flowcontrol/bootstrap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.api.types import Object

AUTOUPDATE = "apf.kubernetes.io/autoupdate-spec"
MANDATORY = frozenset({"exempt", "catch-all"})
_API = "flowcontrol.apiserver.k8s.io/v1"
_EVERY = ["*"]


def _level(name: str, shares: int, lendable: int, queuing: tuple[int, int, int] | None) -> Object:
    response: Object = {"type": "Reject"}
    if queuing is not None:
        queues, hand, length = queuing
        response = {
            "type": "Queue",
            "queuing": {"queues": queues, "handSize": hand, "queueLengthLimit": length},
        }
    limited = {"nominalConcurrencyShares": shares, "lendablePercent": lendable, "limitResponse": response}
    return _object("PriorityLevelConfiguration", name, {"type": "Limited", "limited": limited})


def _object(kind: str, name: str, spec: Object) -> Object:
    return {
        "apiVersion": _API,
        "kind": kind,
        "metadata": {"name": name, "annotations": {AUTOUPDATE: "true"}},
        "spec": spec,
    }


LEVELS: tuple[Object, ...] = (
    _object(
        "PriorityLevelConfiguration",
        "exempt",
        {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}},
    ),
    _level("system", 30, 33, (64, 6, 50)),
    _level("node-high", 40, 25, (64, 6, 50)),
    _level("leader-election", 10, 0, (16, 4, 50)),
    _level("workload-high", 40, 50, (128, 6, 50)),
    _level("workload-low", 100, 90, (128, 6, 50)),
    _level("global-default", 20, 50, (128, 6, 50)),
    _level("catch-all", 5, 0, None),
)


def _user(name: str) -> Object:
    return {"kind": "User", "user": {"name": name}}


def _group(name: str) -> Object:
    return {"kind": "Group", "group": {"name": name}}


def _account(name: str) -> Object:
    return {"kind": "ServiceAccount", "serviceAccount": {"namespace": "kube-system", "name": name}}


def _resources(
    groups: Sequence[str] = ("*",),
    resources: Sequence[str] = ("*",),
    verbs: Sequence[str] = ("*",),
    namespaces: Sequence[str] = ("*",),
    *,
    cluster: bool = False,
) -> Object:
    rule: Object = {
        "verbs": list(verbs),
        "apiGroups": list(groups),
        "resources": list(resources),
        "namespaces": list(namespaces),
    }
    return {**rule, "clusterScope": True} if cluster else rule


_ALL_RESOURCES = _resources(cluster=True)
_ALL_URLS: Object = {"verbs": _EVERY, "nonResourceURLs": _EVERY}
_ALL = ([_ALL_RESOURCES], [_ALL_URLS])
_LEASE_VERBS = ("get", "create", "update")
_LEASES = "coordination.k8s.io"
_BOTH = [_group("system:unauthenticated"), _group("system:authenticated")]


def _schema(
    name: str,
    level: str,
    precedence: int,
    by: str,
    subjects: list[Object],
    rules: tuple[list[Object], list[Object]] = _ALL,
) -> Object:
    rule: dict[str, Any] = {"subjects": subjects}
    for field, value in zip(("resourceRules", "nonResourceRules"), rules, strict=True):
        if value:
            rule[field] = value
    spec: Object = {
        "priorityLevelConfiguration": {"name": level},
        "matchingPrecedence": precedence,
        "rules": [rule],
    }
    if by:
        spec["distinguisherMethod"] = {"type": by}
    return _object("FlowSchema", name, spec)


_KCM, _SCHEDULER = _user("system:kube-controller-manager"), _user("system:kube-scheduler")

SCHEMAS: tuple[Object, ...] = (
    _schema("exempt", "exempt", 1, "", [_group("system:masters")]),
    _schema(
        "probes",
        "exempt",
        2,
        "",
        _BOTH,
        ([], [{"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]}]),
    ),
    _schema(
        "system-leader-election",
        "leader-election",
        100,
        "ByUser",
        [_KCM, _SCHEDULER, _account("*")],
        ([_resources((_LEASES,), ("leases",), _LEASE_VERBS, ("kube-system",))], []),
    ),
    _schema(
        "endpoint-controller",
        "workload-high",
        150,
        "ByUser",
        [_KCM, _account("endpoint-controller"), _account("endpointslice-controller")],
        ([_resources(("",), ("endpoints",), ("get", "create", "update"))], []),
    ),
    _schema(
        "workload-leader-election",
        "leader-election",
        200,
        "ByUser",
        [_account("*")],
        ([_resources((_LEASES,), ("leases",), _LEASE_VERBS)], []),
    ),
    _schema(
        "system-node-high",
        "node-high",
        400,
        "ByUser",
        [_group("system:nodes")],
        (
            [
                _resources(("",), ("nodes", "nodes/status"), cluster=True),
                _resources((_LEASES,), ("leases",)),
            ],
            [],
        ),
    ),
    _schema("system-nodes", "system", 500, "ByUser", [_group("system:nodes")]),
    _schema("kube-controller-manager", "workload-high", 800, "ByNamespace", [_KCM]),
    _schema("kube-scheduler", "workload-high", 800, "ByNamespace", [_SCHEDULER]),
    _schema("kube-system-service-accounts", "workload-high", 900, "ByNamespace", [_account("*")]),
    _schema("service-accounts", "workload-low", 9000, "ByUser", [_group("system:serviceaccounts")]),
    _schema("global-default", "global-default", 9900, "ByUser", _BOTH),
    _schema("catch-all", "catch-all", 10000, "ByUser", _BOTH),
)
