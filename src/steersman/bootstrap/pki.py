"""The keys and certificates of a cluster, below `D/pki`.

    ca ─┬─ apiserver                  server certificate of the API server
        ├─ apiserver-kubelet-client   how the API server introduces itself to kubelets
        └─ (client certificates in kubeconfigs, kubelet server certificates)
    front-proxy-ca ── front-proxy-client   how the API server introduces itself to aggregated servers
    sa.key, sa.pub                    sign and verify service-account tokens

`ensure_pki` is idempotent and cheap: `D/pki/index.json` remembers what was issued to whom and until when,
so that a second call reads one file and does not even load the cryptography library. A certificate is
issued again when it is missing, near its end, signed by another CA than the present one, or does not
cover the names asked for. File names and subjects are those of kubeadm.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steersman.bootstrap.files import PUBLIC, write_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

DAY = 86_400
CA_DAYS = 3650
LEAF_DAYS = 365
RENEW_BEFORE = 30 * DAY
"""Seconds before its end from which a certificate is issued again (kubeadm's also live one year)."""

SERVICE_SANS = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "127.0.0.1",
    "10.96.0.1",
)
"""Names under which pods and local programs reach the API server."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One certificate to be issued."""

    name: str
    """File name below `D/pki` without suffix, or a label for certificates that live elsewhere."""
    common_name: str
    organizations: tuple[str, ...] = ()
    """Groups of a client."""
    sans: tuple[str, ...] = ()
    """DNS names and IP addresses of a server; empty for a client."""
    ca: str = "ca"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its key, PEM."""

    certificate: bytes
    key: bytes


@dataclass(slots=True)
class PKI:
    """The key material of one cluster. Made by `ensure_pki`."""

    directory: Path
    now: float = field(default_factory=time.time)
    """Wall time all decisions of this call are taken at, seconds."""

    @property
    def ca_certificate(self) -> bytes:
        """The cluster CA, PEM."""
        return (self.directory / "ca.crt").read_bytes()

    def pair(self, name: str) -> KeyPair:
        """Read `<name>.crt` and `<name>.key`."""
        certificate = (self.directory / f"{name}.crt").read_bytes()
        return KeyPair(certificate, (self.directory / f"{name}.key").read_bytes())

    def issue(self, issue: Issue) -> KeyPair:
        """Sign a new certificate; nothing is written."""
        from steersman.bootstrap import certificates

        return certificates.sign(self.pair(issue.ca), issue, self.now, LEAF_DAYS * DAY)

    def ca_fingerprint(self, name: str) -> str:
        """SHA-256 of a CA's certificate file, hex."""
        return hashlib.sha256((self.directory / f"{name}.crt").read_bytes()).hexdigest()

    def record(self, issue: Issue, extra: str = "") -> dict[str, object]:
        """What the index remembers of a certificate issued now. `extra` is anything else it depends on."""
        return {
            "subject": [issue.common_name, *issue.organizations],
            "sans": sorted(issue.sans),
            "ca": self.ca_fingerprint(issue.ca),
            "extra": extra,
            "not_after": self.now + LEAF_DAYS * DAY,
        }

    def is_current(self, issue: Issue, paths: Iterable[Path], extra: str = "") -> bool:
        """Whether the files exist and what the index remembers of them still serves `issue`."""
        remembered = self.index().get(issue.name)
        if remembered is None or not all(path.exists() for path in paths):
            return False
        wanted = self.record(issue, extra)
        same = all(remembered.get(key) == wanted[key] for key in ("subject", "ca", "extra"))
        covered = set(issue.sans) <= set(remembered.get("sans", ()))
        return same and covered and float(remembered["not_after"]) - self.now > RENEW_BEFORE

    def remember(self, issue: Issue, extra: str = "") -> None:
        """Note a certificate in the index."""
        index = self.index()
        index[issue.name] = self.record(issue, extra)
        write_file(self.directory / "index.json", json.dumps(index, indent=1, sort_keys=True), PUBLIC)

    def index(self) -> dict[str, dict[str, Any]]:
        """What has been issued; empty when there is no readable index (everything is then issued again)."""
        try:
            content = json.loads((self.directory / "index.json").read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}


def cluster_issues(sans: Sequence[str]) -> tuple[Issue, ...]:
    """The certificates of the control plane; `sans` are further names and addresses of the API server."""
    names = tuple(dict.fromkeys((*SERVICE_SANS, *sans)))
    return (
        Issue("apiserver", "kube-apiserver", sans=names),
        Issue("apiserver-kubelet-client", "kube-apiserver-kubelet-client", ("system:masters",)),
        Issue("front-proxy-client", "front-proxy-client", ca="front-proxy-ca"),
    )


def ensure_pki(data_dir: Path, sans: Sequence[str] = (), *, now: float | None = None) -> PKI:
    """Make sure `D/pki` holds valid CAs, control-plane certificates and service-account keys.

    Existing CAs and service-account keys are never replaced. Names an earlier call asked for stay in the
    server certificate.
    """
    pki = PKI(data_dir / "pki", time.time() if now is None else now)
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    pki.directory.mkdir(exist_ok=True, mode=0o700)
    for name, common_name in (("ca", "kubernetes-ca"), ("front-proxy-ca", "front-proxy-ca")):
        ensure_ca(pki, name, common_name)
    ensure_service_account_keys(pki)
    earlier = pki.index().get("apiserver", {}).get("sans", ())
    for issue in cluster_issues((*sans, *(str(name) for name in earlier))):
        ensure_certificate(pki, issue, pki.directory)
    return pki


def ensure_ca(pki: PKI, name: str, common_name: str) -> None:
    """Make a CA when there is none."""
    if (pki.directory / f"{name}.crt").exists() and (pki.directory / f"{name}.key").exists():
        return
    from steersman.bootstrap import certificates

    write_pair(pki.directory, name, certificates.new_ca(common_name, pki.now, CA_DAYS * DAY))


def ensure_service_account_keys(pki: PKI) -> None:
    """Make the key pair that signs service-account tokens when there is none."""
    if (pki.directory / "sa.key").exists() and (pki.directory / "sa.pub").exists():
        return
    from steersman.bootstrap import certificates

    private, public = certificates.new_key_pair()
    write_file(pki.directory / "sa.key", private)
    write_file(pki.directory / "sa.pub", public, PUBLIC)


def ensure_certificate(pki: PKI, issue: Issue, directory: Path, file_name: str = "") -> bool:
    """Issue `<file_name>.{crt,key}` in a directory unless what is there will do; say whether it did."""
    file_name = file_name or issue.name
    paths = [directory / f"{file_name}.crt", directory / f"{file_name}.key"]
    if pki.is_current(issue, paths):
        return False
    write_pair(directory, file_name, pki.issue(issue))
    pki.remember(issue)
    return True


def write_pair(directory: Path, name: str, pair: KeyPair) -> None:
    """Write the key first, so that a certificate on disk always has one."""
    write_file(directory / f"{name}.key", pair.key)
    write_file(directory / f"{name}.crt", pair.certificate, PUBLIC)
