"""Services: by address, by name, by node port; none behind them; headless."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING

from tests.e2e.conftest import IMAGE, eventually

if TYPE_CHECKING:
    from tests.e2e.conftest import Kubectl, RunningCluster


def ask(kubectl: Kubectl, *command: str) -> str:
    """Run a command in a pod of the Deployment; what it printed, "" when it failed."""
    done = kubectl.run("exec", "deploy/web", "--", *command)
    return done.stdout if done.returncode == 0 else ""


def test_a_service_by_address_and_by_its_names(web: Kubectl) -> None:
    web("expose", "deployment", "web", "--port=80")
    address = web("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")
    names = (address, "web", f"web.{web.namespace}", f"web.{web.namespace}.svc.cluster.local")
    for name in names:

        def answers(name: str = name) -> bool:
            return "It works" in ask(web, "wget", "-qO-", "-T", "2", f"http://{name}/")

        eventually(answers, what=name)


def test_a_pod_reaches_itself_through_its_service(kubectl: Kubectl) -> None:
    kubectl("run", "one", f"--image={IMAGE}", "--port=80", "--expose")
    kubectl("wait", "--for=condition=Ready", "pod/one", "--timeout=60s")
    command = ("exec", "one", "--", "wget", "-qO-", "-T", "2", "http://one/")
    eventually(lambda: "It works" in kubectl.run(*command).stdout)


def test_a_service_without_endpoints_refuses_at_once(web: Kubectl) -> None:
    web("create", "service", "clusterip", "nobody", "--tcp=80")
    said = eventually(
        lambda: (
            (r := web.run("exec", "deploy/web", "--", "wget", "-T", "5", "-qO-", "http://nobody/")).returncode
            and r
        )
    )
    eventually(
        lambda: (
            "refused"
            in web.run("exec", "deploy/web", "--", "wget", "-T", "5", "-qO-", "http://nobody/").stderr
        ),
        what=said.stderr,
    )


def test_a_headless_service_names_its_pods(web: Kubectl) -> None:
    web("expose", "deployment", "web", "--port=80", "--cluster-ip=None", "--name=all")
    pods = {p["status"]["podIP"] for p in web.json("get", "pods")["items"]}
    name = f"all.{web.namespace}.svc.cluster.local"
    eventually(lambda: all(address in ask(web, "nslookup", "-type=a", name) for address in pods))


def test_a_node_port_answers_on_the_node(web: Kubectl, cluster: RunningCluster) -> None:
    web("expose", "deployment", "web", "--port=80", "--type=NodePort")
    port = web("get", "service", "web", "-o", "jsonpath={.spec.ports[0].nodePort}")
    address = cluster.summary["nodes"][0]["address"]

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://{address}:{port}/", timeout=2) as answer:
                return "It works" in answer.read().decode()
        except OSError:
            return False

    eventually(answers)


def test_endpoints_follow_readiness(kubectl: Kubectl) -> None:
    probe = {"exec": {"command": ["test", "-e", "/tmp/ready"]}, "periodSeconds": 1}
    container = {"name": "main", "image": IMAGE, "ports": [{"containerPort": 80}], "readinessProbe": probe}
    metadata = {"name": "p", "labels": {"app": "p"}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}
    kubectl("apply", "-f", "-", stdin=json.dumps(pod))
    kubectl("expose", "pod", "p", "--port=80")
    ready = ("get", "endpointslices", "-l", "kubernetes.io/service-name=p", "-o")
    path = "jsonpath={.items[*].endpoints[*].conditions.ready}"
    eventually(lambda: kubectl(*ready, path) == "false")
    kubectl("wait", "--for=jsonpath={.status.phase}=Running", "pod/p", "--timeout=60s")
    kubectl("exec", "p", "--", "touch", "/tmp/ready")
    eventually(lambda: kubectl(*ready, path) == "true")


def test_names_of_the_world_fail_quickly_and_of_the_cluster_resolve(web: Kubectl) -> None:
    assert "10.96.0.1" in ask(web, "nslookup", "-type=a", "kubernetes.default.svc.cluster.local")
    missing = web.run("exec", "deploy/web", "--", "nslookup", "-type=a", "no-such.default.svc.cluster.local")
    assert "NXDOMAIN" in missing.stdout + missing.stderr
