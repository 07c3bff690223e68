"""What nodes may do: their own pods' secrets and nobody else's, over the API as a node asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from steersman.api import kinds
from steersman.api.errors import Forbidden
from steersman.apiserver.admission.node_restriction.nodes import may_label
from steersman.apiserver.authn import User
from steersman.apiserver.authz.node.references import pod_references, volume_secrets
from steersman.apiserver.authz.reconcile import reconciled
from steersman.client.rest import Client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from steersman.apiserver.server import APIServer

NODE = User("system:node:n1", groups=("system:nodes", "system:authenticated"))
MIRROR = {"kubernetes.io/config.mirror": "x"}


def pod(name: str, node: str = "n1", **spec: Any) -> dict[str, Any]:
    containers = [{"name": "c", "image": "i"}]
    wanted = {"containers": containers, "automountServiceAccountToken": False, "nodeName": node, **spec}
    return {"metadata": {"name": name}, "spec": wanted}


def secret_volume(name: str) -> dict[str, Any]:
    return {"name": f"v-{name}", "secret": {"secretName": name}}


@pytest.fixture
async def node(apiserver: APIServer, client: Client) -> AsyncIterator[Client]:
    """A client of node n1, in a cluster with the secrets `mine`, `other` and `stored`."""
    await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "default")
    await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "unused"}}, "default")
    for name in ("mine", "other", "stored"):
        await client.create(kinds.SECRETS, {"metadata": {"name": name}}, "default")
    async with Client(apiserver.transport(NODE)) as nodes_client:
        yield nodes_client


async def test_a_node_reads_the_secrets_of_its_pods_alone(client: Client, node: Client) -> None:
    await client.create(kinds.PODS, pod("a", volumes=[secret_volume("mine")]), "default")
    await client.create(kinds.PODS, pod("b", "n2", volumes=[secret_volume("other")]), "default")
    for _ in range(2):  # the second time from memory
        assert (await node.get(kinds.SECRETS, "mine", "default"))["metadata"]["name"] == "mine"
        with pytest.raises(Forbidden, match="no relationship found between node 'n1' and this object"):
            await node.get(kinds.SECRETS, "other", "default")
    listed = await node.list(kinds.SECRETS, "default", field_selector="metadata.name=mine")
    assert len(listed["items"]) == 1
    with pytest.raises(Forbidden):
        await node.list(kinds.SECRETS, "default")
    with pytest.raises(Forbidden):
        await node.delete(kinds.SECRETS, "mine", "default")
    await client.delete(kinds.PODS, "a", "default", grace_period_seconds=0)
    with pytest.raises(Forbidden):
        await node.get(kinds.SECRETS, "mine", "default")


async def test_a_path_over_claim_and_volume(client: Client, node: Client) -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "volumeName": "pv1",
            "storageClassName": "",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    driver = {"driver": "d", "volumeHandle": "h", "nodePublishSecretRef": _ref("stored")}
    volume = {
        "metadata": {"name": "pv1"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "claimRef": {"namespace": "default", "name": "data"},
            "csi": driver | {"controllerPublishSecretRef": _ref("other")},
        },
    }
    await client.create(kinds.PERSISTENT_VOLUME_CLAIMS, claim, "default")
    await client.create(kinds.PERSISTENT_VOLUMES, volume)
    with pytest.raises(Forbidden):
        await node.get(kinds.PERSISTENT_VOLUMES, "pv1")
    uses = {"name": "d", "persistentVolumeClaim": {"claimName": "data"}}
    await client.create(kinds.PODS, pod("a", volumes=[uses]), "default")
    await node.get(kinds.PERSISTENT_VOLUME_CLAIMS, "data", "default")
    await node.get(kinds.PERSISTENT_VOLUMES, "pv1")
    await node.get(kinds.SECRETS, "stored", "default")
    with pytest.raises(Forbidden):
        await node.get(kinds.SECRETS, "other", "default")


def _ref(name: str) -> dict[str, str]:
    return {"name": name, "namespace": "default"}


async def test_a_node_sees_its_own_pods_and_its_own_node(client: Client, node: Client) -> None:
    await client.create(kinds.PODS, pod("a"), "default")
    await client.create(kinds.PODS, pod("b", "n2"), "default")
    listed = await node.list(kinds.PODS, field_selector="spec.nodeName=n1")
    assert [item["metadata"]["name"] for item in listed["items"]] == ["a"]
    await node.get(kinds.PODS, "a", "default")
    for selector in ("", "spec.nodeName=n2"):
        with pytest.raises(Forbidden, match=r"spec\.nodeName=n1"):
            await node.list(kinds.PODS, field_selector=selector)
    with pytest.raises(Forbidden, match="bound to it"):
        await node.get(kinds.PODS, "b", "default")
    with pytest.raises(Forbidden, match=r"spec\.nodeName set to itself"):
        await node.patch(kinds.PODS, "b", {"status": {}}, "default", subresource="status")
    with pytest.raises(Forbidden, match="labels"):
        await node.patch(
            kinds.PODS, "a", {"metadata": {"labels": {"a": "b"}}}, "default", subresource="status"
        )


async def test_a_review_knows_selectors(client: Client, node: Client) -> None:
    place = {"verb": "list", "resource": "pods"}
    own = [{"key": "spec.nodeName", "operator": "In", "values": ["n1"]}]
    for selector, allowed in (
        ({"requirements": own}, True),
        ({"rawSelector": "spec.nodeName=n1"}, True),
        ({"rawSelector": "spec.nodeName=n2"}, False),
        (None, False),
    ):
        attributes = place | ({"fieldSelector": selector} if selector else {})
        review = {"spec": {"user": NODE.name, "groups": list(NODE.groups), "resourceAttributes": attributes}}
        answer = await client.create(kinds.SUBJECT_ACCESS_REVIEWS, review)
        assert answer["status"]["allowed"] is allowed


async def test_leases_and_csi_nodes_bear_its_name(node: Client) -> None:
    await node.create(kinds.LEASES, {"metadata": {"name": "n1"}}, "kube-node-lease")
    with pytest.raises(Forbidden, match="own name"):
        await node.get(kinds.LEASES, "n2", "kube-node-lease")
    with pytest.raises(Forbidden, match="only in the namespace"):
        await node.get(kinds.LEASES, "n1", "kube-system")
    await node.create(kinds.CSI_NODES, {"metadata": {"name": "n1"}, "spec": {"drivers": []}})
    with pytest.raises(Forbidden, match="same name"):
        await node.create(kinds.CSI_NODES, {"metadata": {"name": "n2"}, "spec": {"drivers": []}})


async def test_a_node_labels_itself_within_limits(node: Client) -> None:
    labels = {"kubernetes.io/hostname": "n1", "mine": "yes"}
    await node.create(kinds.NODES, {"metadata": {"name": "n1", "labels": labels}})
    for key in ("node-restriction.kubernetes.io/tier", "node-role.kubernetes.io/control-plane"):
        with pytest.raises(Forbidden, match="modify labels"):
            await node.patch(kinds.NODES, "n1", {"metadata": {"labels": {key: "x"}}})
    with pytest.raises(Forbidden, match="modify taints"):
        await node.patch(kinds.NODES, "n1", {"spec": {"taints": []}})
    with pytest.raises(Forbidden):
        await node.delete(kinds.NODES, "n1")


@pytest.mark.parametrize(
    ("key", "may"),
    [
        ("app", True),
        ("example.com/rack", True),
        ("topology.kubernetes.io/zone", True),
        ("kubelet.kubernetes.io/x", True),
        ("sub.node.kubernetes.io/x", True),
        ("node-role.kubernetes.io/control-plane", False),
        ("a.node-restriction.kubernetes.io/x", False),
        ("storage.k8s.io/x", False),
        ("notkubernetes.io/x", True),
    ],
)
def test_labels_a_node_may_give_itself(key: str, may: bool) -> None:
    assert may_label(key) is may


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"volumes": [secret_volume("mine")]}, "reference secrets"),
        ({"serviceAccountName": "default"}, "service account"),
        ({"nodeName": "n2"}, "set to itself"),
    ],
)
async def test_mirror_pods_refer_to_nothing(node: Client, spec: dict[str, Any], why: str) -> None:
    wanted = pod("m", **spec)
    wanted["metadata"]["annotations"] = MIRROR
    with pytest.raises(Forbidden, match=why):
        await node.create(kinds.PODS, wanted, "default")


async def test_a_mirror_pod_is_no_way_to_a_secret(client: Client, node: Client) -> None:
    mirror = pod("m")
    mirror["metadata"]["annotations"] = MIRROR
    await node.create(kinds.PODS, mirror, "default")
    sneaky = mirror | {"spec": {"volumes": [secret_volume("mine")]}}
    assert pod_references(sneaky) == frozenset()


def test_what_a_pod_refers_to() -> None:
    spec = {
        "serviceAccountName": "sa",
        "imagePullSecrets": [{"name": "pull"}],
        "initContainers": [{"envFrom": [{"configMapRef": {"name": "cm"}}, {"secretRef": {"name": "s1"}}]}],
        "containers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "s2", "key": "k"}}}, {"name": "x"}]}],
        "volumes": [
            {"name": "e", "ephemeral": {}},
            {"name": "p", "projected": {"sources": [{"secret": {"name": "s3"}}, {"downwardAPI": {}}]}},
        ],
        "resourceClaims": [{"name": "r", "resourceClaimName": "claim"}],
    }
    found = pod_references({"metadata": {"name": "p"}, "spec": spec})
    assert found == {
        ("serviceaccounts", "sa"),
        ("secrets", "pull"),
        ("configmaps", "cm"),
        ("secrets", "s1"),
        ("secrets", "s2"),
        ("secrets", "s3"),
        ("persistentvolumeclaims", "p-e"),
        ("resourceclaims", "claim"),
    }


def test_an_unbound_volume_gives_no_secrets() -> None:
    assert volume_secrets({"spec": {"csi": {"nodePublishSecretRef": _ref("s")}}}) == frozenset()


def token_request(name: str, uid: str, *audiences: str) -> dict[str, Any]:
    reference = {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid}
    return {"spec": {"audiences": list(audiences), "boundObjectRef": reference}}


async def test_tokens_for_its_own_pods_and_their_audiences(tmp_path: Path) -> None:
    from steersman.apiserver.config import APIServerConfig
    from steersman.apiserver.server import APIServer
    from steersman.bootstrap import pki
    from steersman.store.memory import MemoryStore

    pki.ensure_pki(tmp_path)
    key = str(tmp_path / "pki" / "sa.key")
    config = APIServerConfig(store="memory", service_account_key=key)
    async with (
        APIServer(config, store=MemoryStore(), listen=False) as server,
        Client(server.transport()) as admin,
        Client(server.transport(NODE)) as node,
    ):
        for account in ("default", "unused"):
            await admin.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": account}}, "default")
        source = {"serviceAccountToken": {"audience": "vault", "path": "t"}}
        volumes = [{"name": "t", "projected": {"sources": [source]}}]
        mine = await admin.create(kinds.PODS, pod("a", volumes=volumes), "default")
        other = await admin.create(kinds.PODS, pod("b", "n2"), "default")

        async def ask(request: dict[str, Any], account: str = "default") -> dict[str, Any]:
            return await node.create(
                kinds.SERVICE_ACCOUNTS, request, "default", name=account, subresource="token"
            )

        uid = mine["metadata"]["uid"]
        assert (await ask(token_request("a", uid)))["status"]["token"]
        assert (await ask(token_request("a", uid, "vault")))["status"]["token"]
        for request, why in (
            (token_request("a", uid, "bank"), "'bank' not found in pod spec"),
            (token_request("a", "another"), "not there"),
            (token_request("b", other["metadata"]["uid"]), "different node"),
            ({"spec": {}}, "not bound to a pod"),
        ):
            with pytest.raises(Forbidden, match=why):
                await ask(request)
        with pytest.raises(Forbidden, match="no relationship"):
            await ask(token_request("a", uid), "unused")


@pytest.mark.parametrize(("autoupdate", "kept"), [("true", ["mine"]), ("false", None)])
def test_older_clusters_give_nodes_no_longer_everything(autoupdate: str, kept: list[str] | None) -> None:
    group = "rbac.authorization.k8s.io"
    subjects = [{"kind": "Group", "apiGroup": group, "name": name} for name in ("system:nodes", "mine")]
    role = {"apiGroup": group, "kind": "ClusterRole", "name": "system:node"}
    notes = {f"{group[:4]}.authorization.kubernetes.io/autoupdate": autoupdate}
    existing = {
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "system:node", "annotations": notes},
        "roleRef": role,
        "subjects": subjects,
    }
    changed = reconciled(existing, {"kind": "ClusterRoleBinding", "roleRef": role, "subjects": []})
    found = changed and [subject["name"] for subject in changed["subjects"]]
    assert found == kept
