"""Who may talk to the API server: kubeconfigs, the admin's bearer token, the kubelets' certificates.

    D/admin.kubeconfig                 kubernetes-admin        system:masters
    D/controller-manager.kubeconfig    system:kube-controller-manager
    D/scheduler.kubeconfig             system:kube-scheduler
    D/nodes/<node>/kubelet.kubeconfig  system:node:<node>      system:nodes
    D/admin.token, D/tokens.csv        the admin's bearer token and the API server's table of tokens

Everything here is idempotent: a file is written again only when its certificate or its server address no
longer serves.
"""

from __future__ import annotations

import base64
import csv
import io
import secrets
from typing import TYPE_CHECKING

from steersman.bootstrap.files import write_file
from steersman.bootstrap.pki import PKI, Issue, KeyPair, ensure_certificate

if TYPE_CHECKING:
    from pathlib import Path

ADMIN = "kubernetes-admin"

CONTROL_PLANE = (
    Issue("controller-manager.kubeconfig", "system:kube-controller-manager"),
    Issue("scheduler.kubeconfig", "system:kube-scheduler"),
)

TEMPLATE = """\
apiVersion: v1
kind: Config
clusters:
- name: {cluster}
  cluster:
    certificate-authority-data: {ca}
    server: {server}
contexts:
- name: {context}
  context:
    cluster: {cluster}
    user: {user}
current-context: {context}
users:
- name: {user}
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
"""


def render(cluster: str, context: str, user: str, server: str, ca: bytes, pair: KeyPair) -> str:
    """Give the text of a kubeconfig with one cluster, one user and one context."""
    return TEMPLATE.format(
        cluster=cluster,
        context=context,
        user=user,
        server=server,
        ca=encode(ca),
        certificate=encode(pair.certificate),
        key=encode(pair.key),
    )


def encode(pem: bytes) -> str:
    """Base64 as kubeconfigs want it."""
    return base64.b64encode(pem).decode()


def ensure_kubeconfig(pki: PKI, path: Path, issue: Issue, server: str, context: str = "steersman") -> bool:
    """Write a kubeconfig for the user `issue` names unless the one there will do; say whether it did."""
    extra = f"{server} {context}"
    if pki.is_current(issue, [path], extra):
        return False
    user = ADMIN if issue.common_name == ADMIN else issue.common_name
    user = f"{context}-admin" if user == ADMIN else user
    write_file(path, render(context, context, user, server, pki.ca_certificate, pki.issue(issue)))
    pki.remember(issue, extra)
    return True


def ensure_control_plane(data_dir: Path, pki: PKI, server: str, context: str = "steersman") -> None:
    """Make the kubeconfigs of the admin, the controllers and the scheduler, and the admin's token.

    `server` is the URL on this machine, such as "https://127.0.0.1:6443".
    """
    admin = Issue("admin.kubeconfig", ADMIN, ("system:masters",))
    for issue in (admin, *CONTROL_PLANE):
        ensure_kubeconfig(pki, data_dir / issue.name, issue, server, context)
    ensure_admin_token(data_dir)


def ensure_admin_token(data_dir: Path) -> str:
    """Make `D/admin.token` and its line in `D/tokens.csv` when they are missing; give the token."""
    path = data_dir / "admin.token"
    token = path.read_text().strip() if path.exists() else ""
    if not token:
        token = secrets.token_urlsafe(32)
        write_file(path, token + "\n")
    table = data_dir / "tokens.csv"
    lines = table.read_text() if table.exists() else ""
    if not any(row[:1] == [token] for row in csv.reader(io.StringIO(lines))):
        kept = [line for line in lines.splitlines() if f",{ADMIN}," not in line]
        write_file(table, "\n".join([*kept, f'{token},{ADMIN},{ADMIN},"system:masters"']) + "\n")
    return token


def ensure_node(data_dir: Path, pki: PKI, node: str, address: str, server: str) -> Path:
    """Make a node's kubeconfig and its kubelet's server certificate; give the node's directory.

    `server` is the URL as seen from the node, such as "https://10.89.0.1:6443".
    """
    directory = data_dir / "nodes" / node
    kubelet = Issue(f"node/{node}/kubelet.kubeconfig", f"system:node:{node}", ("system:nodes",))
    ensure_kubeconfig(pki, directory / "kubelet.kubeconfig", kubelet, server)
    serving = Issue(
        f"node/{node}/kubelet", f"system:node:{node}", ("system:nodes",), (node, address, "127.0.0.1")
    )
    ensure_certificate(pki, serving, directory / "pki", "kubelet")
    return directory
