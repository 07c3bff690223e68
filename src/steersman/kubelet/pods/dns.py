"""What a pod's resolv.conf says: dnsPolicy, the node's own file, and dnsConfig on top.

Source: "DNS for Services and Pods" in the Kubernetes documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object

MAX_SERVERS = 3  # glibc reads no more
MAX_SEARCHES = 32


@dataclass(frozen=True, slots=True)
class Resolver:
    """The three parts of a resolv.conf."""

    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def parse_resolv_conf(text: str) -> Resolver:
    """Read a resolv.conf; unknown lines are skipped, the last `search` and all `options` count."""
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        words = line.split("#", 1)[0].split(";", 1)[0].split()
        if not words:
            continue
        if words[0] == "nameserver" and len(words) > 1:
            servers.append(words[1])
        elif words[0] in ("search", "domain"):
            searches = [word.rstrip(".") or "." for word in words[1:]]
        elif words[0] == "options":
            options += words[1:]
    return Resolver(tuple(servers), tuple(searches), tuple(options))


def pod_resolver(pod: Object, node: Resolver, cluster_dns: tuple[str, ...], domain: str) -> Resolver:
    """The resolver of one pod; `node` is the node's own, `cluster_dns` the cluster's servers."""
    policy = pod["spec"].get("dnsPolicy") or "ClusterFirst"
    if policy == "ClusterFirst" and pod["spec"].get("hostNetwork"):
        policy = "Default"
    if policy == "None":
        base = Resolver()
    elif policy == "Default" or not cluster_dns:
        base = node
    else:
        namespace = pod["metadata"]["namespace"]
        own = (f"{namespace}.svc.{domain}", f"svc.{domain}", domain)
        base = Resolver(cluster_dns, _unique((*own, *node.searches)), ("ndots:5",))
    return _extended(base, pod["spec"].get("dnsConfig") or {})


def _extended(base: Resolver, extra: Object) -> Resolver:
    servers = _unique((*base.servers, *(extra.get("nameservers") or ())))
    searches = _unique((*base.searches, *(extra.get("searches") or ())))
    options = {option.partition(":")[0]: option for option in base.options}
    for option in extra.get("options") or ():
        value = option.get("value")
        options[option["name"]] = f"{option['name']}:{value}" if value else option["name"]
    return Resolver(servers[:MAX_SERVERS], searches[:MAX_SEARCHES], tuple(options.values()))


def _unique(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def hostname(pod: Object) -> str:
    """The pod's host name: its own wish, else its name, cut to what the kernel's 63 letters hold."""
    wanted = str(pod["spec"].get("hostname") or pod["metadata"]["name"])
    return wanted[:63].rstrip("-.")


def fqdn(pod: Object, domain: str) -> str:
    """The full name inside the cluster; "" for a pod without a subdomain."""
    subdomain = pod["spec"].get("subdomain")
    if not subdomain:
        return ""
    return f"{hostname(pod)}.{subdomain}.{pod['metadata']['namespace']}.svc.{domain}"


def hosts_file(pod: Object, ips: tuple[str, ...], domain: str, node_hosts: str | None = None) -> str:
    """The text of /etc/hosts; `node_hosts` is the node's own file for pods on the host network."""
    if node_hosts is not None:
        lines = ["# Kubernetes-managed hosts file (host network).", node_hosts.rstrip("\n")]
    else:
        lines = [
            "# Kubernetes-managed hosts file.",
            "127.0.0.1\tlocalhost",
            "::1\tlocalhost ip6-localhost ip6-loopback",
            "fe00::0\tip6-localnet",
            "fe00::0\tip6-mcastprefix",
            "fe00::1\tip6-allnodes",
            "fe00::2\tip6-allrouters",
        ]
        names = "\t".join(name for name in (fqdn(pod, domain), hostname(pod)) if name)
        lines += [f"{ip}\t{names}" for ip in ips]
    if aliases := pod["spec"].get("hostAliases"):
        lines += ["", "# Entries added by HostAliases."]
        lines += ["\t".join([alias["ip"], *(alias.get("hostnames") or ())]) for alias in aliases]
    return "\n".join(lines) + "\n"
