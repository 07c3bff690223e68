"""The CRI configuration of a pod's sandbox (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.kubelet.cri.observed import POD_NAME, POD_NAMESPACE, POD_UID
from steersman.kubelet.pods import dns, security, spec
from steersman.kubelet.pods.env import ConfigError
from steersman.kubelet.pods.spec import CONFIG_SEEN, CONFIG_SOURCE
from steersman.wire.cri import cri_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.types import Object

MAX_HOSTNAME = 64  # bytes: the kernel's limit of a UTS node name
PROTOCOLS = {"TCP": pb.TCP, "UDP": pb.UDP, "SCTP": pb.SCTP}


def log_directory(pod: Object, root: str) -> str:
    """Where the runtime writes the pod's container logs; `root` is `/var/log/pods`."""
    meta = pod["metadata"]
    return f"{root}/{meta['namespace']}_{meta['name']}_{meta['uid']}"


def sandbox_labels(pod: Object) -> dict[str, str]:
    meta = pod["metadata"]
    return {
        **(meta.get("labels") or {}),
        POD_NAME: meta["name"],
        POD_NAMESPACE: meta["namespace"],
        POD_UID: meta["uid"],
    }


def sandbox_config(
    pod: Object,
    *,
    attempt: int,
    resolver: dns.Resolver,
    domain: str,
    logs: str,
    cgroup_parent: str,
    root: str,
) -> Any:
    """PodSandboxConfig; the same for every container that is created in the sandbox.

    Raises: ConfigError when the pod's full name is too long to be its host name.
    """
    meta = pod["metadata"]
    annotations: Mapping[str, str] = meta.get("annotations") or {}
    config = pb.PodSandboxConfig(
        metadata=pb.PodSandboxMetadata(
            name=meta["name"], uid=meta["uid"], namespace=meta["namespace"], attempt=attempt
        ),
        log_directory=log_directory(pod, logs),
        dns_config=pb.DNSConfig(
            servers=resolver.servers, searches=resolver.searches, options=resolver.options
        ),
        port_mappings=port_mappings(pod),
        labels=sandbox_labels(pod),
        annotations={CONFIG_SEEN: "", CONFIG_SOURCE: "api", **annotations},
        linux=pb.LinuxPodSandboxConfig(
            cgroup_parent=cgroup_parent,
            security_context=security.sandbox_security(pod, root),
            sysctls={
                item["name"]: item["value"]
                for item in (pod["spec"].get("securityContext") or {}).get("sysctls") or ()
            },
        ),
    )
    if not pod["spec"].get("hostNetwork"):
        config.hostname = uts_name(pod, domain)
    return config


def uts_name(pod: Object, domain: str) -> str:
    full = dns.fqdn(pod, domain)
    if not pod["spec"].get("setHostnameAsFQDN") or not full:
        return dns.hostname(pod)
    if len(full) > MAX_HOSTNAME:
        raise ConfigError(
            f"failed to construct FQDN from pod hostname and cluster domain, FQDN {full} is too long "
            f"({MAX_HOSTNAME} characters is the max, {len(full)} characters requested)"
        )
    return full


def port_mappings(pod: Object) -> list[Any]:
    """Host ports, as the runtime's network plug-in maps them; none on the host's own network."""
    if pod["spec"].get("hostNetwork"):
        return []
    everyone = [*(c for c in spec.init_containers(pod) if spec.is_sidecar(c)), *spec.containers(pod)]
    return [
        pb.PortMapping(
            protocol=PROTOCOLS.get(port.get("protocol") or "TCP", pb.TCP),
            container_port=port["containerPort"],
            host_port=port.get("hostPort") or 0,
            host_ip=port.get("hostIP") or "",
        )
        for container in everyone
        for port in container.get("ports") or ()
    ]
