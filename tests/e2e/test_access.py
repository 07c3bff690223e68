"""Who may do what."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from tests.e2e.conftest import Kubectl


def test_the_admin_may_everything_and_nobody_nothing(kubectl: Kubectl) -> None:
    assert kubectl("auth", "can-i", "*", "*").strip() == "yes"
    refused = kubectl.run("auth", "can-i", "get", "pods", "--as=nobody")
    assert refused.stdout.strip() == "no"
    assert "Forbidden" in kubectl.fails("get", "pods", "--as=nobody")


def test_a_role_and_its_binding(kubectl: Kubectl) -> None:
    kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods")
    kubectl("create", "rolebinding", "r", "--role=reader", "--user=jane")
    assert kubectl("auth", "can-i", "list", "pods", "--as=jane").strip() == "yes"
    assert kubectl.run("auth", "can-i", "delete", "pods", "--as=jane").stdout.strip() == "no"
    assert "pods" in kubectl("auth", "can-i", "--list", "--as=jane")


def test_whoami(kubectl: Kubectl) -> None:
    assert kubectl.json("auth", "whoami")["status"]["userInfo"]["username"] == "kubernetes-admin"


def test_a_pod_has_the_credentials_of_its_service_account(pod: Kubectl) -> None:
    path = "/var/run/secrets/kubernetes.io/serviceaccount"
    assert pod("exec", "box", "--", "cat", f"{path}/namespace") == pod.namespace
    assert "BEGIN CERTIFICATE" in pod("exec", "box", "--", "cat", f"{path}/ca.crt")
    token = pod("exec", "box", "--", "cat", f"{path}/token")
    who = json.loads(pod("auth", "whoami", "-o", "json", f"--token={token}", "--kubeconfig", anonymous(pod)))
    assert who["status"]["userInfo"]["username"] == f"system:serviceaccount:{pod.namespace}:default"


def anonymous(kubectl: Kubectl) -> str:
    """A kubeconfig that knows the server but nobody's credentials."""
    document = yaml.safe_load(Path(kubectl.kubeconfig).read_text())
    document["users"][0]["user"] = {}
    path = Path(kubectl.kubeconfig).with_name("anonymous.kubeconfig")
    path.write_text(yaml.safe_dump(document))
    return str(path)


def test_tokens_are_made_on_request(kubectl: Kubectl) -> None:
    token = kubectl("create", "token", "default").strip()
    server = kubectl("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}")
    import ssl

    request = urllib.request.Request(f"{server}/version", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, context=ssl._create_unverified_context(), timeout=20) as answer:
        assert answer.status == 200
