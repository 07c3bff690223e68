"""The authorization webhook: what it is asked, what is remembered, what no answer means; configuration."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.apiserver.authn import User
from steersman.apiserver.authz import Attributes, Verdict
from steersman.apiserver.authz.configuration import Mode, modes_of, parse
from steersman.apiserver.authz.webhook.authorizer import WebhookAuthorizer
from steersman.apiserver.authz.webhook.review import review_spec
from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.remote import RemoteFailed
from steersman.runtime.clock import FakeClock

BOB = User("bob", groups=("devs",))
QUESTION = Attributes(
    BOB, "list", True, "", "apps", "v1", "deployments", "", "ns", "", "spec.a=1", "x in (a,b)"
)


class Remote:
    """Answers with a status; remembers what it was asked."""

    def __init__(self, status: dict[str, Any] | None) -> None:
        self.status = status
        self.asked: list[dict[str, Any]] = []

    async def ask(self, question: dict[str, Any], timeout: float) -> dict[str, Any]:
        self.asked.append(question["spec"])
        if self.status is None:
            raise RemoteFailed("away")
        return question | {"status": self.status}

    async def aclose(self) -> None:
        return


@pytest.mark.parametrize(
    ("status", "denies", "verdict"),
    [
        ({"allowed": True}, False, Verdict.ALLOW),
        ({"allowed": False}, False, Verdict.NO_OPINION),
        ({"allowed": False, "denied": True}, False, Verdict.DENY),
        (None, False, Verdict.NO_OPINION),
        (None, True, Verdict.DENY),
    ],
)
async def test_answers(status: dict[str, Any] | None, denies: bool, verdict: Verdict) -> None:
    webhook = WebhookAuthorizer(Mode("Webhook", failure_denies=denies), Remote(status), FakeClock(0.0))
    assert (await webhook.authorize(QUESTION)).verdict is verdict


async def test_answers_are_remembered_for_their_time() -> None:
    clock, remote = FakeClock(0.0), Remote({"allowed": True})
    webhook = WebhookAuthorizer(Mode("Webhook", allowed_ttl=10.0), remote, clock)
    for _ in range(3):
        await webhook.authorize(QUESTION)
    assert len(remote.asked) == 1
    clock.advance(11.0)
    await webhook.authorize(QUESTION)
    assert len(remote.asked) == 2


@pytest.mark.parametrize(
    ("conditions", "asked"),
    [
        (("request.user == 'bob'",), True),
        (("request.user == 'eve'",), False),
        (("has(request.resourceAttributes) && request.resourceAttributes.group == 'apps'",), True),
        (("request.nothing.there == 1", "request.user == 'eve'"), False),
    ],
)
async def test_match_conditions(conditions: tuple[str, ...], asked: bool) -> None:
    remote = Remote({"allowed": True})
    webhook = WebhookAuthorizer(Mode("Webhook", conditions=conditions), remote, FakeClock(0.0))
    await webhook.authorize(QUESTION)
    assert bool(remote.asked) is asked


def test_the_spec_of_a_review() -> None:
    spec = review_spec(QUESTION)
    assert (spec["user"], spec["groups"]) == ("bob", ["devs"])
    attributes = spec["resourceAttributes"]
    assert attributes["fieldSelector"]["requirements"] == [
        {"key": "spec.a", "operator": "In", "values": ["1"]}
    ]
    assert attributes["labelSelector"]["requirements"][0]["values"] == ["a", "b"]
    path = review_spec(Attributes(BOB, "get", False, "/livez"))
    assert path["nonResourceAttributes"] == {"path": "/livez", "verb": "get"}


def document(**webhook: Any) -> dict[str, Any]:
    info = {"type": "KubeConfigFile", "kubeConfigFile": "/k"}
    given = {"connectionInfo": info, "failurePolicy": "Deny", "authorizedTTL": "1m30s", **webhook}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthorizationConfiguration",
        "authorizers": [{"type": "Node", "name": "node"}, {"type": "Webhook", "name": "w", "webhook": given}],
    }


def test_a_configuration_file() -> None:
    node, webhook = parse(document(matchConditions=[{"expression": "request.user != 'x'"}]))
    assert node.type == "Node"
    assert (webhook.kubeconfig, webhook.allowed_ttl, webhook.failure_denies) == ("/k", 90.0, True)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (document(failurePolicy="Maybe"), "failurePolicy"),
        (document(timeout="31s"), "timeout"),
        (document(timeout="soon"), "duration"),
        (document(connectionInfo={}), "connectionInfo"),
        (document(matchConditions=[{"expression": "1 +"}]), "matchConditions"),
        ({**document(), "authorizers": []}, "at least one"),
    ],
)
def test_configurations_that_are_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(wrong)


@pytest.mark.parametrize(
    ("text", "why"),
    [("RBAC,RBAC", "more than once"), ("ABAC", "unknown"), ("", "at least one"), ("Webhook", "needs")],
)
def test_modes_that_are_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        modes_of(APIServerConfig(authorization=text))
