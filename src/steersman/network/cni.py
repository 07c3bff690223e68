"""The CNI configuration list that the container runtime gives every pod sandbox.

A Linux bridge with a host-local /24 and port mappings. No masquerade here: pods and nodes talk to each other
without NAT, and
`masquerade.py` takes care of what leaves the cluster. The loopback network is the runtime's own doing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from steersman.network.config import NetworkConfig

__all__ = ["CONFLIST", "ensure_conflist", "plan_conflist", "remove_conflist"]

CONFLIST = "10-steersman.conflist"


def plan_conflist(config: NetworkConfig, pod_cidrs: tuple[str, ...], mtu: int = 0) -> bytes:
    """The file's content for pods in `pod_cidrs` (one CIDR per address family); `mtu` 0 leaves the kernel's
    choice."""
    bridge: dict[str, Any] = {
        "type": "bridge",
        "bridge": config.bridge,
        "isDefaultGateway": True,
        "forceAddress": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": config.cni_state_dir,
            "ranges": [[{"subnet": cidr}] for cidr in pod_cidrs],
        },
    }
    if mtu:
        bridge["mtu"] = mtu
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True}
    document = {"cniVersion": "1.0.0", "name": "steersman", "plugins": [bridge, portmap]}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"


def ensure_conflist(directory: str, content: bytes) -> bool:
    """Write the file so that the runtime sees the old or the new one, never a part; true when it changed.

    Raises: OSError.
    """
    path = Path(directory) / CONFLIST
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if path.read_bytes() == content:
            return False
    except FileNotFoundError:
        pass
    fresh = path.with_name(f".{CONFLIST}.new")
    fresh.write_bytes(content)
    os.replace(fresh, path)
    return True


def remove_conflist(directory: str) -> None:
    (Path(directory) / CONFLIST).unlink(missing_ok=True)
