"""The Service that stands for the cluster's DNS, where every user and tool looks for it.

Each node answers at its address itself (see `steersman.dns`), so the Service has no selector and no
endpoints, and the proxy leaves the address alone. What it is for: nobody else can be given the address,
`kubectl cluster-info` shows DNS, and `kube-dns.kube-system` has a name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steersman.api.types import Object

ADDRESS = "10.96.0.10"
"""What nodes answer at by default, and what pods have in their resolv.conf."""


def service() -> Object:
    """The Service with the name and labels that a cluster's DNS has everywhere."""
    labels = {
        "k8s-app": "kube-dns",
        "kubernetes.io/cluster-service": "true",
        "kubernetes.io/name": "Steersman-DNS",
    }
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
    ]
    return {
        "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": labels},
        "spec": {"clusterIP": ADDRESS, "ports": ports},
    }
