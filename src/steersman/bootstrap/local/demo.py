"""The demo application of `make up`: two web servers, their page in a ConfigMap, one Service.

It is deployed only as far as it is missing, so that what a user changed stays changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steersman.api.errors import NotFound
from steersman.api.kinds import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, PODS, SERVICES
from steersman.bootstrap.images import DEMO_IMAGE
from steersman.bootstrap.local.api import ensure, wait_until
from steersman.client.execute import execute

if TYPE_CHECKING:
    from pathlib import Path

    from steersman.api.types import Object
    from steersman.client.rest import Client

NAMESPACE = "demo"
NAME = "web"
LABELS = {"app": NAME}
HOST = f"{NAME}.{NAMESPACE}.svc.cluster.local"
PAGE = """\
<!doctype html>
<title>Steersman demo</title>
<h1>Ahoy from Steersman</h1>
<p>This page is the ConfigMap demo/web, mounted into two pods behind the Service demo/web.</p>
"""
MARK = "Ahoy from Steersman"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the demo came up."""

    url: str
    changed: bool
    """Whether anything had to be created."""


def config_map() -> Object:
    """The page."""
    return {"metadata": {"name": NAME, "namespace": NAMESPACE}, "data": {"index.html": PAGE}}


def deployment() -> Object:
    """Two web servers that show the page."""
    probe = {"path": "/", "port": "http"}
    container: dict[str, Any] = {
        "name": NAME,
        "image": DEMO_IMAGE,
        "ports": [{"name": "http", "containerPort": 80}],
        # Looked at every second while it starts, every ten afterwards: ready soon, and cheap when idle.
        "startupProbe": {"httpGet": probe, "periodSeconds": 1, "failureThreshold": 30},
        "readinessProbe": {"httpGet": probe, "periodSeconds": 10},
        "resources": {
            "requests": {"cpu": "10m", "memory": "8Mi"},
            "limits": {"memory": "64Mi"},
        },
        "volumeMounts": [{"name": "page", "mountPath": "/www", "readOnly": True}],
    }
    pod = {"containers": [container], "volumes": [{"name": "page", "configMap": {"name": NAME}}]}
    return {
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": LABELS},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": pod},
        },
    }


def service() -> Object:
    """The way in."""
    return {
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": LABELS},
        "spec": {"selector": LABELS, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }


async def deploy(client: Client, kubeconfig: Path, seconds: float) -> Outcome:
    """Deploy what is missing and wait until the Service answers from inside a pod, by address and by name.

    Raises: BootstrapError after `seconds`.
    """
    changed = await ensure(client, NAMESPACES, {"metadata": {"name": NAMESPACE}})
    for resource, wanted in ((CONFIG_MAPS, config_map()), (DEPLOYMENTS, deployment()), (SERVICES, service())):
        changed |= await ensure(client, resource, wanted)
    hint = f"kubectl -n {NAMESPACE} describe pods"

    async def unavailable() -> str:
        found = await client.get(DEPLOYMENTS, NAME, NAMESPACE)
        available = (found.get("status") or {}).get("availableReplicas") or 0
        wanted = found["spec"]["replicas"]
        return "" if available >= wanted else f"{available} of {wanted} replicas are available"

    await wait_until(unavailable, seconds, "the demo does not run", lambda: hint)
    address = (await client.get(SERVICES, NAME, NAMESPACE))["spec"]["clusterIP"]

    async def unanswered() -> str:
        pod = await ready_pod(client)
        for host in (address, HOST):
            argv = ["wget", "-q", "-T", "2", "-O", "-", f"http://{host}/"]
            outcome = await execute(kubeconfig, NAMESPACE, pod, argv, timeout=15)
            if outcome.status != 0:
                said = outcome.stderr.decode(errors="replace").strip() or outcome.message
                return f"http://{host}/ from pod {pod}: {said}"
        return ""

    await wait_until(unanswered, seconds, "the demo does not answer", lambda: hint)
    return Outcome(f"http://{address}/ and http://{HOST}/", changed)


async def ready_pod(client: Client) -> str:
    """Name of a demo pod that is Ready. Raises: NotFound when none is."""
    pods = await client.list(PODS, NAMESPACE, label_selector=f"app={NAME}")
    for pod in pods["items"]:
        conditions = (pod.get("status") or {}).get("conditions") or ()
        if any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
            return str(pod["metadata"]["name"])
    raise NotFound(f"no pod of {NAMESPACE}/{NAME} is ready")
