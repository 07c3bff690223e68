"""Volumes and environment of pods on a real node."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from tests.kubelet.cluster import Cluster, phase, ready, state_of, waits_for
from tests.kubelet.kubelet_node import ONE_LOOP

from steersman.api.kinds import CONFIG_MAPS, SECRETS

pytestmark = [ONE_LOOP, pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(60)]


async def config(cluster: Cluster, name: str, data: dict[str, str]) -> None:
    await cluster.client.create(
        CONFIG_MAPS,
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data},
        "default",
    )


async def secret(cluster: Cluster, name: str, data: dict[str, str]) -> None:
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    await cluster.client.create(
        SECRETS,
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded},
        "default",
    )


async def test_every_kind_of_content_volume(cluster: Cluster) -> None:
    await config(cluster, "settings", {"color": "blue", "size": "10"})
    await secret(cluster, "keys", {"password": "secret"})
    mounts = {"conf": "/conf", "keys": "/keys", "info": "/info", "all": "/all", "mem": "/mem", "tmp": "/tmp2"}
    volumes: list[dict[str, Any]] = [
        {
            "name": "conf",
            "configMap": {"name": "settings", "items": [{"key": "color", "path": "a/b", "mode": 0o400}]},
        },
        {"name": "keys", "secret": {"secretName": "keys", "defaultMode": 0o440}},
        {
            "name": "info",
            "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]},
        },
        {
            "name": "all",
            "projected": {
                "sources": [
                    {"configMap": {"name": "settings"}},
                    {"secret": {"name": "keys"}},
                    {"serviceAccountToken": {"path": "token", "expirationSeconds": 600}},
                ]
            },
        },
        {"name": "mem", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    await cluster.create(
        "full",
        metadata={"labels": {"app": "x"}},
        volumes=volumes,
        securityContext={"fsGroup": 1234},
        container={
            "volumeMounts": [
                *({"name": name, "mountPath": path} for name, path in mounts.items()),
                {"name": "conf", "mountPath": "/one", "subPath": "a/b", "readOnly": True},
            ]
        },
    )
    await cluster.wait("full", ready)
    assert await cluster.run("full", "cat", "/conf/a/b", "/one") == "blueblue"
    assert await cluster.run("full", "cat", "/keys/password") == "secret"
    assert await cluster.run("full", "cat", "/info/labels") == 'app="x"'
    assert (await cluster.run("full", "ls", "/all")).split() == ["color", "password", "size", "token"]
    assert (await cluster.run("full", "cat", "/all/token")).count(".") == 2
    assert (await cluster.run("full", "stat", "-Lc", "%a %g", "/keys/password")).split() == ["440", "1234"]
    assert (await cluster.run("full", "stat", "-c", "%g", "/tmp2")).strip() == "1234"
    assert "tmpfs" in await cluster.run("full", "sh", "-c", "grep ' /mem ' /proc/mounts")
    await cluster.delete("full", grace=0)


async def test_changes_reach_a_running_pod(cluster: Cluster) -> None:
    await config(cluster, "live", {"v": "1"})
    await cluster.create(
        "watching",
        volumes=[{"name": "conf", "configMap": {"name": "live"}}],
        container={"volumeMounts": [{"name": "conf", "mountPath": "/conf"}]},
    )
    await cluster.wait("watching", ready)
    await cluster.client.patch(CONFIG_MAPS, "live", {"data": {"v": "2", "w": "3"}}, "default")
    async with asyncio.timeout(10):
        while True:
            if await cluster.run("watching", "sh", "-c", "cat /conf/*") == "23":
                break
            await asyncio.sleep(0.05)
    await cluster.delete("watching", grace=0)


async def test_a_missing_config_map_is_named_and_waited_for(cluster: Cluster) -> None:
    await cluster.create(
        "waiting",
        volumes=[{"name": "conf", "configMap": {"name": "absent"}}],
        container={"volumeMounts": [{"name": "conf", "mountPath": "/conf"}]},
    )
    message = await cluster.wait_event("waiting", "FailedMount")
    assert message == 'MountVolume.SetUp failed for volume "conf" : configmap "absent" not found'
    pod = await cluster.wait("waiting", phase("Pending"))
    assert state_of(pod)["state"]["waiting"]["reason"] == "ContainerCreating"
    await config(cluster, "absent", {"k": "v"})
    await cluster.wait("waiting", ready)
    await cluster.delete("waiting", grace=0)


async def test_environment_from_everywhere(cluster: Cluster) -> None:
    await config(cluster, "env", {"A": "1", "B": "2"})
    await secret(cluster, "env", {"PASSWORD": "p"})
    env: list[dict[str, Any]] = [
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}},
        {"name": "PASS", "valueFrom": {"secretKeyRef": {"name": "env", "key": "PASSWORD"}}},
        {"name": "BOTH", "value": "$(X_A)-$(POD)-$$(POD)"},
    ]
    await cluster.create(
        "env",
        container={
            "env": env,
            "envFrom": [{"prefix": "X_", "configMapRef": {"name": "env"}}],
            "resources": {"limits": {"cpu": "250m", "memory": "32Mi"}},
        },
    )
    pod = await cluster.wait("env", ready)
    shown = dict(line.split("=", 1) for line in (await cluster.run("env", "env")).splitlines())
    assert shown["BOTH"] == "1-env-$(POD)"
    assert (shown["X_B"], shown["PASS"], shown["CPU"]) == ("2", "p", "250")
    assert shown["IP"] == pod["status"]["podIP"]
    assert pod["status"]["qosClass"] == "Guaranteed"
    hosts = await cluster.run("env", "cat", "/etc/hosts")
    assert f"{pod['status']['podIP']}\tenv" in hosts
    limit = cluster.node.cgroup_root + f"/kubepods/pod{pod['metadata']['uid']}/memory.limit_in_bytes"
    from pathlib import Path

    base = Path("/sys/fs/cgroup/memory")
    if base.exists():
        assert Path(f"{base}{limit}").read_text().strip() == str(32 << 20)
    await cluster.delete("env", grace=0)


@pytest.mark.parametrize(
    ("container", "reason", "message"),
    [
        pytest.param(
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "nope", "key": "k"}}}]},
            "CreateContainerConfigError",
            'configmap "nope" not found',
            id="missing config map",
        ),
        pytest.param(
            {"image": "localhost/none:1", "imagePullPolicy": "Never"},
            "ErrImageNeverPull",
            'Container image "localhost/none:1" is not present with pull policy of Never',
            id="missing image",
        ),
        pytest.param(
            {"image": "localhost:1/none:1"}, "ImagePullBackOff", "Back-off pulling image", id="no registry"
        ),
        pytest.param(
            {"securityContext": {"runAsNonRoot": True}},
            "CreateContainerConfigError",
            "container has runAsNonRoot and image will run as root",
            id="root refused",
        ),
        pytest.param({"command": ["/no/such"]}, "RunContainerError", "no such file", id="no program"),
    ],
)
async def test_why_a_container_waits(
    cluster: Cluster, container: dict[str, Any], reason: str, message: str
) -> None:
    await cluster.create("stuck", container=container)
    pod = await cluster.wait("stuck", waits_for(reason))
    assert message in state_of(pod)["state"]["waiting"]["message"]
    await cluster.delete("stuck", grace=0)
    await cluster.wait_gone("stuck")


async def test_security_and_namespaces(cluster: Cluster) -> None:
    await cluster.create(
        "secure",
        hostname="other",
        shareProcessNamespace=True,
        securityContext={"runAsUser": 1000, "runAsGroup": 2000, "supplementalGroups": [3000]},
        container={
            "securityContext": {
                "readOnlyRootFilesystem": True,
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }
        },
    )
    await cluster.wait("secure", ready)
    groups = await cluster.run("secure", "id")
    assert "uid=1000" in groups
    assert "gid=2000" in groups
    assert "3000" in groups
    assert (await cluster.run("secure", "hostname")).strip() == "other"
    status = await cluster.run("secure", "cat", "/proc/self/status")
    assert "NoNewPrivs:\t1" in status
    assert "CapEff:\t0000000000000000" in status
    assert "catatonit" in await cluster.run("secure", "sh", "-c", "cat /proc/1/comm")
    assert "ro" in await cluster.run("secure", "sh", "-c", "touch /x 2>/dev/null || echo ro")
    await cluster.delete("secure", grace=0)


async def test_a_pod_on_the_host_network(cluster: Cluster) -> None:
    await cluster.create("host", hostNetwork=True)
    pod = await cluster.wait("host", ready)
    assert pod["status"]["podIP"] == pod["status"]["hostIP"] == "10.88.0.1"
    assert "cni0" in await cluster.run("host", "ip", "link")
    await cluster.delete("host", grace=0)
