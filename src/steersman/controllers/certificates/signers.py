"""What the built-in signers accept. Pure.

Source: "Certificates and Certificate Signing Requests", Kubernetes signers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from steersman.controllers.certificates.requests import Wanted

CLIENT = "kubernetes.io/kube-apiserver-client"
CLIENT_KUBELET = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING = "kubernetes.io/kubelet-serving"
LEGACY = "kubernetes.io/legacy-unknown"

NODES_GROUP = "system:nodes"
NODE_PREFIX = "system:node:"
_KEYS = {"digital signature", "key encipherment"}
MIN_SECONDS = 600


def _usages(wanted: set[str], needed: set[str]) -> str:
    """Which usages are missing or too many; keys may be used for encipherment, or not."""
    missing, surplus = needed - wanted, wanted - needed - _KEYS
    if missing:
        return f"usages must include {', '.join(sorted(missing))}"
    return f"usages must not include {', '.join(sorted(surplus))}" if surplus else ""


def _node(wanted: Wanted) -> str:
    if wanted.organizations != (NODES_GROUP,):
        return f"the organization must be {NODES_GROUP} and nothing else"
    if not wanted.common_name.startswith(NODE_PREFIX) or wanted.common_name == NODE_PREFIX:
        return f"the common name must begin with {NODE_PREFIX}"
    return ""


def client(wanted: Wanted, usages: set[str]) -> str:
    """Why the signer refuses; empty when it does not."""
    if "system:masters" in wanted.organizations:
        return "the group system:masters gets no certificates from this signer"
    return _usages(usages, {"client auth"})


def client_kubelet(wanted: Wanted, usages: set[str]) -> str:
    """The client certificate of a node."""
    if wanted.dns_names or wanted.addresses or wanted.emails or wanted.uris:
        return "a node's client certificate has no alternative names"
    return _node(wanted) or _usages(usages, {"client auth", "digital signature"})


def kubelet_serving(wanted: Wanted, usages: set[str]) -> str:
    """The server certificate of a node."""
    if not wanted.dns_names and not wanted.addresses:
        return "a server certificate needs a DNS name or an address"
    if wanted.emails or wanted.uris:
        return "a server certificate has no e-mail addresses or URIs"
    return _node(wanted) or _usages(usages, {"server auth", "digital signature"})


def legacy(wanted: Wanted, usages: set[str]) -> str:
    """Anything."""
    return ""


SIGNERS: dict[str, Callable[[Wanted, set[str]], str]] = {
    CLIENT: client,
    CLIENT_KUBELET: client_kubelet,
    KUBELET_SERVING: kubelet_serving,
    LEGACY: legacy,
}


def refusal(signer: str, wanted: Wanted, usages: Iterable[str]) -> str:
    """Why a signer gives no certificate for a request; empty when it does."""
    return SIGNERS[signer](wanted, set(usages))


def lifetime(asked: int | None, most: float, ca_left: float) -> float:
    """Seconds a certificate lives: as asked, within what the signer gives and the CA has left."""
    seconds = min(most, max(MIN_SECONDS, asked)) if asked else most
    return min(seconds, ca_left)
