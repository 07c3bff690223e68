"""RBAC: what rules match, whose they are, what covers what, and what the default policy gives."""

from __future__ import annotations

from typing import TypedDict

import pytest

from steersman.apiserver.authn import User
from steersman.apiserver.authz import Attributes, Verdict
from steersman.apiserver.authz.policy import bootstrap_policy
from steersman.apiserver.authz.rbac.aggregation import plan_aggregation
from steersman.apiserver.authz.rbac.authorizer import RBACAuthorizer
from steersman.apiserver.authz.rbac.index import RBACIndex
from steersman.apiserver.authz.rbac.rules import compile_rule, compile_rules, uncovered
from steersman.apiserver.authz.reconcile import reconciled

AUTHENTICATED = "system:authenticated"


class Who(TypedDict):
    user: str
    groups: tuple[str, ...]


def asks(
    verb: str,
    resource: str,
    *,
    group: str = "",
    namespace: str = "",
    name: str = "",
    user: str = "u",
    groups: tuple[str, ...] = (),
) -> Attributes:
    plural, _, subresource = resource.partition("/")
    return Attributes(
        User(user, groups=groups), verb, True, "", group, "v1", plural, subresource, namespace, name
    )


def path(verb: str, url: str, *groups: str) -> Attributes:
    return Attributes(User("u", groups=groups), verb, False, url)


PODS = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "pods/log"]}


@pytest.mark.parametrize(
    ("rule", "question", "allowed"),
    [
        pytest.param(PODS, asks("get", "pods"), True, id="what it names"),
        pytest.param(PODS, asks("delete", "pods"), False, id="another verb"),
        pytest.param(PODS, asks("get", "pods", group="apps"), False, id="another group"),
        pytest.param(PODS, asks("get", "pods/log"), True, id="a named sub-resource"),
        pytest.param(PODS, asks("get", "pods/exec"), False, id="a sub-resource is not its parent"),
        pytest.param({**PODS, "resources": ["*/scale"]}, asks("get", "x/scale"), True, id="any parent"),
        pytest.param({**PODS, "resources": ["*/scale"]}, asks("get", "x"), False, id="no sub-resource"),
        pytest.param({**PODS, "resourceNames": ["a"]}, asks("get", "pods", name="a"), True, id="its name"),
        pytest.param({**PODS, "resourceNames": ["a"]}, asks("list", "pods"), False, id="no name asked"),
        pytest.param(
            {"verbs": ["get"], "nonResourceURLs": ["/healthz/*"]},
            path("get", "/healthz/etcd"),
            True,
            id="a path",
        ),
        pytest.param(
            {"verbs": ["get"], "nonResourceURLs": ["/healthz/*"]},
            path("get", "/healthz"),
            False,
            id="its parent",
        ),
    ],
)
def test_a_rule_matches(rule: dict[str, list[str]], question: Attributes, allowed: bool) -> None:
    assert compile_rule(rule).allows(question) is allowed


@pytest.mark.parametrize(
    ("owned", "wanted", "missing"),
    [
        ([PODS], [PODS], 0),
        ([PODS], [{**PODS, "verbs": ["get", "delete"]}], 2),
        ([{**PODS, "verbs": ["*"], "resources": ["*"]}], [{**PODS, "verbs": ["x"]}], 0),
        ([{**PODS, "resourceNames": ["a"]}], [PODS], 4),
        ([PODS], [{**PODS, "resourceNames": ["a", "b"]}], 0),
        (
            [{"verbs": ["*"], "nonResourceURLs": ["/a/*"]}],
            [{"verbs": ["get"], "nonResourceURLs": ["/a/b", "/c"]}],
            1,
        ),
    ],
    ids=["equal", "a verb more", "wildcards", "one name for all", "names within", "paths"],
)
def test_escalation_finds_what_is_not_owned(
    owned: list[dict[str, list[str]]], wanted: list[dict[str, list[str]]], missing: int
) -> None:
    assert len(uncovered(compile_rules(owned), wanted)) == missing


@pytest.fixture(scope="module")
def default() -> RBACAuthorizer:
    index = RBACIndex()
    for obj in bootstrap_policy():
        index.put(obj)
    return RBACAuthorizer(index)


NODE: Who = {"user": "system:node:n1", "groups": ("system:nodes", AUTHENTICATED)}
MANAGER: Who = {"user": "system:kube-controller-manager", "groups": (AUTHENTICATED,)}
SCHEDULER: Who = {"user": "system:kube-scheduler", "groups": (AUTHENTICATED,)}


@pytest.mark.parametrize(
    ("question", "allowed"),
    [
        pytest.param(asks("get", "pods", groups=("system:masters",)), True, id="masters may"),
        pytest.param(path("get", "/version", "system:unauthenticated"), True, id="anybody reads the version"),
        pytest.param(path("get", "/apis", "system:unauthenticated"), False, id="strangers discover nothing"),
        pytest.param(path("get", "/apis/apps", AUTHENTICATED), True, id="users discover"),
        pytest.param(
            asks("list", "pods", groups=(AUTHENTICATED,)), False, id="users list nothing by default"
        ),
        pytest.param(
            asks("create", "selfsubjectaccessreviews", group="authorization.k8s.io", groups=(AUTHENTICATED,)),
            True,
            id="users may ask what they may",
        ),
        pytest.param(
            asks("get", "secrets", namespace="a", **NODE), False, id="nodes read no secrets by RBAC"
        ),
        pytest.param(
            asks("watch", "endpointslices", group="discovery.k8s.io", **NODE), True, id="nodes proxy"
        ),
        pytest.param(asks("create", "deployments", group="apps", **NODE), False, id="nodes deploy nothing"),
        pytest.param(asks("create", "pods", namespace="a", **MANAGER), True, id="controllers make pods"),
        pytest.param(
            asks("patch", "deployments/status", group="apps", namespace="a", **MANAGER),
            True,
            id="and patch status",
        ),
        pytest.param(
            asks("create", "pods/binding", namespace="a", **SCHEDULER), True, id="the scheduler binds"
        ),
        pytest.param(asks("delete", "nodes", **SCHEDULER), False, id="the scheduler deletes no node"),
    ],
)
def test_the_default_policy(default: RBACAuthorizer, question: Attributes, allowed: bool) -> None:
    assert (default.decide(question).verdict is Verdict.ALLOW) is allowed


def binding(
    kind: str, name: str, subject: dict[str, str], role: str, namespace: str = ""
) -> dict[str, object]:
    return {
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace} if namespace else {"name": name},
        "roleRef": {"kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }


def test_bindings_count_where_they_are_and_follow_changes() -> None:
    index = RBACIndex()
    rbac = RBACAuthorizer(index)
    account = {"kind": "ServiceAccount", "name": "sa"}
    bound = binding("RoleBinding", "b", account, "reader", "a")
    index.put(bound)
    question = asks("get", "pods", namespace="a", user="system:serviceaccount:a:sa")
    decision = rbac.decide(question)
    assert decision.verdict is Verdict.NO_OPINION
    assert decision.reason == 'RBAC: clusterrole.rbac.authorization.k8s.io "reader" not found'
    index.put({"kind": "ClusterRole", "metadata": {"name": "reader"}, "rules": [PODS]})
    assert rbac.decide(question).reason == (
        'RBAC: allowed by RoleBinding "b/a" of ClusterRole "reader" to ServiceAccount "sa/a"'
    )
    elsewhere = asks("get", "pods", namespace="b", user="system:serviceaccount:a:sa")
    assert rbac.decide(elsewhere).verdict is Verdict.NO_OPINION
    index.drop(bound)
    assert rbac.decide(question).verdict is Verdict.NO_OPINION


def test_view_edit_and_admin_build_on_each_other() -> None:
    roles = {obj["metadata"]["name"]: obj for obj in bootstrap_policy() if obj["kind"] == "ClusterRole"}
    assert plan_aggregation(roles) == {}
    view, edit, admin = (compile_rules(roles[name]["rules"]) for name in ("view", "edit", "admin"))
    assert uncovered(edit, roles["view"]["rules"]) == []
    assert uncovered(admin, roles["edit"]["rules"]) == []
    assert uncovered(view, roles["edit"]["rules"])
    assert not any(rule.allows(asks("get", "secrets")) for rule in view)


def test_a_role_with_the_label_is_aggregated() -> None:
    roles = {obj["metadata"]["name"]: obj for obj in bootstrap_policy() if obj["kind"] == "ClusterRole"}
    label = "rbac.authorization.k8s.io/aggregate-to-view"
    roles["mine"] = {"metadata": {"name": "mine", "labels": {label: "true"}}, "rules": [PODS]}
    assert set(plan_aggregation(roles)) == {"view"}


def test_reconciling_adds_what_is_missing_and_keeps_what_was_added() -> None:
    wanted = next(obj for obj in bootstrap_policy() if obj["metadata"]["name"] == "system:basic-user")
    assert reconciled(wanted, wanted) is None
    mine = {**wanted, "rules": [PODS]}
    fixed = reconciled(mine, wanted)
    assert fixed is not None
    assert fixed["rules"] == [PODS, *wanted["rules"]]
    off = {**mine, "metadata": {**wanted["metadata"], "annotations": {}}}
    assert reconciled(off, wanted) is None
