"""The Pod Security Standards: which controls a pod breaks, and what a namespace's labels do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from steersman.api import kinds
from steersman.api.errors import Forbidden, Invalid
from steersman.apiserver.admission.pod_security.checks import told, violations
from steersman.apiserver.admission.pod_security.standards import Standard, standards_of

if TYPE_CHECKING:
    from steersman.client.rest import Client

RESTRICTED: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def spec(context: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "c", "image": "i"}
    if context is not None:
        container["securityContext"] = context
    return {"containers": [container], **rest}


def broken(standard: Standard, pod: dict[str, Any]) -> str:
    return told(violations(standard, {"name": "p"}, pod))


def test_a_plain_pod_breaks_four_controls_of_restricted() -> None:
    assert broken(Standard("restricted"), spec()) == (
        'allowPrivilegeEscalation != false (container "c" must set '
        "securityContext.allowPrivilegeEscalation=false), "
        'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), '
        'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), '
        'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to '
        '"RuntimeDefault" or "Localhost")'
    )


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        (spec({"privileged": True}), "privileged"),
        (spec(hostNetwork=True, hostPID=True), "host namespaces"),
        (spec({"capabilities": {"add": ["NET_ADMIN"]}}), "non-default capabilities"),
        (spec({"capabilities": {"add": ["CHOWN"]}}), ""),
        (spec(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), "hostPath volumes"),
        (spec({"procMount": "Unmasked"}), "procMount"),
        (spec({"seccompProfile": {"type": "Unconfined"}}), "seccompProfile"),
        (spec({"seLinuxOptions": {"type": "spc_t"}}), "seLinuxOptions"),
        (spec(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}), "forbidden sysctl"),
        (spec({"windowsOptions": {"hostProcess": True}}), "hostProcess"),
        (spec(), ""),
    ],
)
def test_baseline_names_the_control(pod: dict[str, Any], reason: str) -> None:
    assert ", ".join(one for one, _ in violations(Standard("baseline"), {}, pod)) == reason


def test_an_older_edition_has_fewer_controls() -> None:
    reasons = [one for one, _ in violations(Standard("restricted", 7), {}, spec())]
    assert reasons == ["runAsNonRoot != true"]


def test_restricted_volumes_stand_for_host_paths() -> None:
    pod = spec(RESTRICTED, volumes=[{"name": "v", "hostPath": {"path": "/"}}])
    assert (
        broken(Standard("restricted"), pod)
        == 'restricted volume types (volume "v" uses restricted volume type "hostPath")'
    )


def test_a_pod_that_meets_restricted_breaks_nothing() -> None:
    assert not violations(Standard("restricted"), {}, spec(RESTRICTED))


def test_a_level_that_cannot_be_read_counts_as_restricted() -> None:
    assert standards_of({"pod-security.kubernetes.io/enforce": "x"})["enforce"] == Standard("restricted")


async def labelled(client: Client, **modes: str) -> None:
    labels = {f"pod-security.kubernetes.io/{mode}": level for mode, level in modes.items()}
    await client.create(kinds.NAMESPACES, {"metadata": {"name": "ps", "labels": labels}})
    await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "ps")


async def test_an_enforced_level_refuses_pods_and_lets_good_ones_pass(client: Client) -> None:
    await labelled(client, enforce="restricted")
    with pytest.raises(Forbidden, match='pods "p" is forbidden: violates PodSecurity "restricted:latest": a'):
        await client.create(kinds.PODS, {"metadata": {"name": "p"}, "spec": spec()}, "ps")
    await client.create(kinds.PODS, {"metadata": {"name": "p"}, "spec": spec(RESTRICTED)}, "ps")


async def test_workloads_are_warned_about_not_refused(client: Client) -> None:
    await labelled(client, enforce="restricted", warn="baseline")
    template = {"metadata": {"labels": {"a": "b"}}, "spec": spec({"privileged": True})}
    made = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
    }
    import orjson

    answer = await client.request("POST", kinds.DEPLOYMENTS.path("ps"), body=orjson.dumps(made))
    assert answer.status == 201
    assert 'would violate PodSecurity \\"baseline:latest\\": privileged' in answer.headers["Warning"]


async def test_a_wrong_level_is_invalid(client: Client) -> None:
    with pytest.raises(Invalid, match="must be one of privileged, baseline, restricted"):
        await labelled(client, enforce="strict")


async def test_a_stricter_namespace_is_told_which_pods_break_it(client: Client) -> None:
    await labelled(client)
    for name in ("a", "b"):
        await client.create(kinds.PODS, {"metadata": {"name": name}, "spec": spec()}, "ps")
    patch = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    import orjson

    answer = await client.request(
        "PATCH",
        kinds.NAMESPACES.path(name="ps"),
        body=orjson.dumps(patch),
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert "a (and 1 other pod): allowPrivilegeEscalation != false, unrestricted" in answer.headers["Warning"]
