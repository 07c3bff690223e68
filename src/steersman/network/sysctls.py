"""Kernel switches that a node's network relies on, in the network namespace of the caller."""

from __future__ import annotations

import logging
from pathlib import Path

__all__ = ["SYSCTLS", "SYSCTLS_IPV6", "ensure_sysctls"]

log = logging.getLogger("steersman.network.sysctls")

SYSCTLS: tuple[tuple[str, str, bool], ...] = (
    # name, value, needed: a needed one that cannot be set is an error, another one may not exist on this
    # kernel.
    ("net/ipv4/ip_forward", "1", True),
    # A pod that reaches its neighbour on the same bridge through a Service gets the answer translated back
    # only when bridged packets pass through the packet filter.
    ("net/bridge/bridge-nf-call-iptables", "1", False),
    ("net/bridge/bridge-nf-call-ip6tables", "1", False),
)

SYSCTLS_IPV6: tuple[tuple[str, str, bool], ...] = (("net/ipv6/conf/all/forwarding", "1", True),)
"""Only for nodes with IPv6 pods: a machine that forwards no longer listens to router advertisements."""


def ensure_sysctls(root: str = "/proc/sys", sysctls: tuple[tuple[str, str, bool], ...] = SYSCTLS) -> None:
    """Set what is not set yet.

    Raises: OSError when a needed switch cannot be set.
    """
    for name, value, needed in sysctls:
        path = Path(root) / name
        try:
            if path.read_text().strip() != value:
                path.write_text(value)
        except OSError as error:
            if needed:
                raise
            log.warning("cannot set %s to %s: %s", name.replace("/", "."), value, error.strerror)
