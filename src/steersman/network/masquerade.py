"""Source NAT for pod traffic that leaves the cluster, as an nftables ruleset of its own.

Pods keep their address towards pods and nodes; towards anything else they take the node's. The node's DNS
and Services never need it, since they are translated to pod or node addresses before this chain sees them.
"""

from __future__ import annotations

from ipaddress import ip_network

__all__ = ["TABLE", "plan_masquerade", "plan_removal"]

TABLE = "steersman-masquerade"

FAMILIES = {4: "ip", 6: "ip6"}
ADDRESS_TYPE = {4: "ipv4_addr", 6: "ipv6_addr"}
MULTICAST = {4: "224.0.0.0/4", 6: "ff00::/8"}


def plan_masquerade(pod_cidrs: tuple[str, ...], inside: tuple[str, ...]) -> str:
    """`nft -f` text that replaces the table: masquerade from `pod_cidrs` to anything not in `inside`.

    `inside` holds CIDRs and addresses of both families: the cluster's pods and its nodes.
    """
    parts = []
    for version, family in FAMILIES.items():
        sources = sorted(c for c in pod_cidrs if ip_network(c).version == version)
        if not sources:
            continue
        pods = ", ".join(sources)
        targets = sorted({c for c in inside if ip_network(c).version == version} | {MULTICAST[version]})
        parts.append(
            f"add table {family} {TABLE}\n"
            f"delete table {family} {TABLE}\n"
            f"table {family} {TABLE} {{\n"
            f"  set inside {{\n"
            f"    type {ADDRESS_TYPE[version]}; flags interval; auto-merge;\n"
            f"    elements = {{ {', '.join(targets)} }}\n"
            f"  }}\n"
            f"  chain postrouting {{\n"
            f"    type nat hook postrouting priority srcnat; policy accept;\n"
            f"    {family} saddr {{ {pods} }} {family} daddr != @inside masquerade fully-random\n"
            f"  }}\n"
            f"}}\n"
        )
    return "".join(parts)


def plan_removal() -> str:
    """`nft -f` text after which no table of ours is left, whether there was one or not."""
    return "".join(f"add table {f} {TABLE}\ndelete table {f} {TABLE}\n" for f in FAMILIES.values())
