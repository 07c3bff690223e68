"""Keys and certificates: issued once, issued again when they no longer serve."""

from __future__ import annotations

import ipaddress
import time
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from steersman.bootstrap import kubeconfigs, pki

if TYPE_CHECKING:
    from pathlib import Path

NOW = time.time()


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def sans(found: x509.Certificate) -> set[str]:
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = {str(a) for a in names.get_values_for_type(x509.IPAddress)}
    return set(names.get_values_for_type(x509.DNSName)) | addresses


def test_the_server_certificate_names_everything_clients_use(tmp_path: Path) -> None:
    made = pki.ensure_pki(tmp_path, ("10.89.0.1", "api.example"))
    server = certificate(made.directory / "apiserver.crt")
    assert sans(server) == {*pki.SERVICE_SANS, "10.89.0.1", "api.example"}
    assert ipaddress.ip_address("10.96.0.1") in server.extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    ).value.get_values_for_type(x509.IPAddress)
    usage = server.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_certificates_are_signed_by_their_authority(tmp_path: Path) -> None:
    made = pki.ensure_pki(tmp_path)
    for name, ca in (
        ("apiserver", "ca"),
        ("apiserver-kubelet-client", "ca"),
        ("front-proxy-client", "front-proxy-ca"),
    ):
        signed = certificate(made.directory / f"{name}.crt")
        signed.verify_directly_issued_by(certificate(made.directory / f"{ca}.crt"))


def test_a_second_call_changes_nothing(tmp_path: Path) -> None:
    made = pki.ensure_pki(tmp_path, ("a",))
    before = {path.name: path.read_bytes() for path in made.directory.iterdir()}
    pki.ensure_pki(tmp_path, ("a",))
    assert {path.name: path.read_bytes() for path in made.directory.iterdir()} == before


def test_a_new_name_is_added_and_earlier_ones_stay(tmp_path: Path) -> None:
    pki.ensure_pki(tmp_path, ("first.example",))
    made = pki.ensure_pki(tmp_path, ("second.example",))
    assert {"first.example", "second.example"} <= sans(certificate(made.directory / "apiserver.crt"))


@pytest.mark.parametrize(
    ("days", "renewed"),
    [
        pytest.param(1, False, id="a fresh certificate stays"),
        pytest.param(330, False, id="with more than thirty days left it stays"),
        pytest.param(340, True, id="within thirty days of its end it is renewed"),
        pytest.param(400, True, id="after its end it is renewed"),
    ],
)
def test_renewal(tmp_path: Path, days: int, renewed: bool) -> None:
    made = pki.ensure_pki(tmp_path, now=NOW)
    before = (made.directory / "apiserver.crt").read_bytes()
    authority = (made.directory / "ca.crt").read_bytes()
    pki.ensure_pki(tmp_path, now=NOW + days * pki.DAY)
    assert ((made.directory / "apiserver.crt").read_bytes() != before) is renewed
    assert (made.directory / "ca.crt").read_bytes() == authority


def test_a_new_authority_means_new_certificates(tmp_path: Path) -> None:
    made = pki.ensure_pki(tmp_path)
    (made.directory / "ca.crt").unlink()
    pki.ensure_pki(tmp_path)
    certificate(made.directory / "apiserver.crt").verify_directly_issued_by(
        certificate(made.directory / "ca.crt")
    )


def test_a_damaged_index_only_costs_new_certificates(tmp_path: Path) -> None:
    made = pki.ensure_pki(tmp_path)
    (made.directory / "index.json").write_text("{")
    pki.ensure_pki(tmp_path)
    certificate(made.directory / "apiserver.crt").verify_directly_issued_by(
        certificate(made.directory / "ca.crt")
    )


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    made = pki.ensure_pki(tmp_path)
    kubeconfigs.ensure_control_plane(tmp_path, made, "https://127.0.0.1:6443")
    secret = [*made.directory.glob("*.key"), *tmp_path.glob("*.kubeconfig"), tmp_path / "tokens.csv"]
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in secret} == {
        p.name: "0o600" for p in secret
    }


def test_the_admin_token_is_in_the_table_of_tokens(tmp_path: Path) -> None:
    token = kubeconfigs.ensure_admin_token(tmp_path)
    assert token == kubeconfigs.ensure_admin_token(tmp_path)
    assert (
        tmp_path / "tokens.csv"
    ).read_text() == f'{token},kubernetes-admin,kubernetes-admin,"system:masters"\n'


def test_a_kubelet_is_a_node_to_the_api_server(tmp_path: Path) -> None:
    made = pki.ensure_pki(tmp_path)
    directory = kubeconfigs.ensure_node(tmp_path, made, "node-1", "10.89.0.11", "https://10.89.0.1:6443")
    serving = certificate(directory / "pki" / "kubelet.crt")
    assert sans(serving) == {"node-1", "10.89.0.11", "127.0.0.1"}
    names = serving.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert [name.value for name in names] == ["system:node:node-1"]
    assert "https://10.89.0.1:6443" in (directory / "kubelet.kubeconfig").read_text()


def test_a_kubeconfig_follows_the_server(tmp_path: Path) -> None:
    made = pki.ensure_pki(tmp_path)
    kubeconfigs.ensure_control_plane(tmp_path, made, "https://127.0.0.1:6443")
    before = (tmp_path / "admin.kubeconfig").read_text()
    kubeconfigs.ensure_control_plane(tmp_path, made, "https://127.0.0.1:6443")
    assert (tmp_path / "admin.kubeconfig").read_text() == before
    kubeconfigs.ensure_control_plane(tmp_path, made, "https://127.0.0.1:7443")
    assert "https://127.0.0.1:7443" in (tmp_path / "admin.kubeconfig").read_text()
