"""Which rule of an audit policy a request falls under."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.apiserver.audit.policy import Level, PolicyError, parse
from steersman.apiserver.authn import User
from steersman.apiserver.http.request_info import parse as path

ALICE = User("alice", groups=("dev", "system:authenticated"))
POD = ("GET", "/api/v1/namespaces/default/pods/web")
LOG = ("GET", "/api/v1/namespaces/default/pods/web/log")
NODES = ("GET", "/api/v1/nodes")
HEALTH = ("GET", "/healthz")


def policy(*rules: dict[str, Any], **more: Any) -> Any:
    return parse({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": list(rules), **more})


@pytest.mark.parametrize(
    ("rule", "request_", "matches"),
    [
        pytest.param({}, POD, True, id="an empty rule matches everything"),
        pytest.param({"users": ["alice"]}, POD, True, id="a user that is named"),
        pytest.param({"users": ["bob"]}, POD, False, id="a user that is not"),
        pytest.param({"userGroups": ["ops", "dev"]}, POD, True, id="one of the groups"),
        pytest.param({"verbs": ["get"]}, POD, True, id="the verb"),
        pytest.param({"verbs": ["list"]}, POD, False, id="another verb"),
        pytest.param({"namespaces": ["default"]}, POD, True, id="the namespace"),
        pytest.param(
            {"namespaces": ["default"]}, NODES, False, id="a namespace does not match cluster scope"
        ),
        pytest.param({"namespaces": [""]}, NODES, True, id="the empty namespace is cluster scope"),
        pytest.param({"namespaces": [""]}, HEALTH, False, id="namespaces do not match urls"),
        pytest.param({"resources": [{"group": ""}]}, POD, True, id="a whole group"),
        pytest.param({"resources": [{"group": "apps"}]}, POD, False, id="another group"),
        pytest.param({"resources": [{"resources": ["pods"]}]}, POD, True, id="a resource"),
        pytest.param({"resources": [{"resources": ["pods"]}]}, LOG, False, id="not its sub-resources"),
        pytest.param({"resources": [{"resources": ["pods/log"]}]}, LOG, True, id="a sub-resource"),
        pytest.param({"resources": [{"resources": ["pods/*"]}]}, LOG, True, id="all sub-resources of one"),
        pytest.param({"resources": [{"resources": ["*/log"]}]}, LOG, True, id="a sub-resource of all"),
        pytest.param({"resources": [{"resources": ["*"]}]}, LOG, True, id="everything in a group"),
        pytest.param(
            {"resources": [{"resources": ["pods"], "resourceNames": ["web"]}]}, POD, True, id="a name"
        ),
        pytest.param(
            {"resources": [{"resources": ["pods"], "resourceNames": ["db"]}]}, POD, False, id="another name"
        ),
        pytest.param({"nonResourceURLs": ["/health*"]}, HEALTH, True, id="urls by prefix"),
        pytest.param({"nonResourceURLs": ["/healthz"]}, HEALTH, True, id="an exact url"),
        pytest.param({"nonResourceURLs": ["*"]}, POD, False, id="urls do not match resources"),
    ],
)
def test_a_rule_matches(rule: dict[str, Any], request_: tuple[str, str], matches: bool) -> None:
    decision = policy({"level": "Metadata", **rule}).decide(path(*request_), ALICE)
    assert (decision.level == Level.METADATA) is matches


def test_the_first_matching_rule_counts() -> None:
    rules = policy({"level": "None", "users": ["alice"]}, {"level": "Request"})
    assert rules.decide(path(*POD), ALICE).level == Level.NONE
    assert rules.decide(path(*POD), User("bob")).level == Level.REQUEST


def test_stages_are_left_out_by_policy_and_rule_together() -> None:
    rules = policy({"level": "Metadata", "omitStages": ["Panic"]}, omitStages=["RequestReceived"])
    assert rules.decide(path(*POD), ALICE).omit_stages == {"Panic", "RequestReceived"}


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        pytest.param({"level": "Everything"}, r"rules\[0\]\.level", id="an unknown level"),
        pytest.param({"level": "None", "omitStages": ["X"]}, "omitStages", id="an unknown stage"),
        pytest.param({"level": "None", "nonResourceURLs": ["/a*b"]}, "nonResourceURLs", id="a star inside"),
        pytest.param(
            {"level": "None", "nonResourceURLs": ["/a"], "namespaces": ["x"]},
            "both",
            id="urls and namespaces",
        ),
    ],
)
def test_a_bad_rule_is_named(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        policy(rule)
