"""Who may do what."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

from tests.e2e.conftest import IMAGE

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


def test_a_pod_speaks_to_the_api_server_as_its_service_account(kubectl: Kubectl) -> None:
    path = "/var/run/secrets/kubernetes.io/serviceaccount"
    script = (
        f'wget -qO- --no-check-certificate --header "Authorization: Bearer $(cat {path}/token)" '
        "https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/version"
    )
    arguments = ("run", "c", "--rm", "-i", "--restart=Never", f"--image={IMAGE}", "--", "sh", "-c", script)
    done = kubectl.run(*arguments)
    if "not an http or ftp url" in done.stderr + done.stdout:  # a busybox without TLS
        script = f"test -s {path}/token && test -s {path}/ca.crt && cat {path}/namespace"
        done = kubectl.run(
            "run", "d", "--rm", "-i", "--restart=Never", f"--image={IMAGE}", "--", "sh", "-c", script
        )
        assert kubectl.namespace in done.stdout
    else:
        assert "v1.37" in done.stdout, done.stderr


def test_tokens_are_made_on_request(kubectl: Kubectl) -> None:
    token = kubectl("create", "token", "default").strip()
    server = kubectl("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}")
    import ssl

    request = urllib.request.Request(f"{server}/version", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, context=ssl._create_unverified_context(), timeout=20) as answer:
        assert answer.status == 200
