"""etcd as a process of a local cluster: its ports, its keys, what it and the API server are told."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from steersman.bootstrap import pki
from steersman.bootstrap.errors import BootstrapError
from steersman.bootstrap.local import etcd, etcd_snapshots, preflight, up
from steersman.bootstrap.local.cluster import Cluster

SQLITE = Cluster("alpha", Path("/nowhere/alpha"), network="10.89.3.0/24")
ETCD = replace(SQLITE, store="etcd")


def anything(_: int) -> bool:
    return True


def ports(cluster: Cluster) -> tuple[int, int]:
    return cluster.etcd_port, cluster.etcd_peer_port


def test_a_member_takes_the_first_ports_that_are_free() -> None:
    busy = {12379, 12381}
    assert ports(etcd.with_ports(ETCD, (), lambda port: port not in busy)) == (12380, 12382)


def test_members_of_two_clusters_never_share_a_port() -> None:
    first = etcd.with_ports(ETCD, (), anything)
    second = etcd.with_ports(replace(ETCD, name="beta"), (first,), anything)
    assert not {*ports(first)} & {*ports(second)}


def test_ports_stay_while_nobody_else_has_them() -> None:
    chosen = replace(ETCD, etcd_port=13000, etcd_peer_port=13001)
    assert etcd.with_ports(chosen, (), anything) == chosen
    assert ports(etcd.with_ports(chosen, (), lambda port: port != 13000)) == (12379, 12380)


def test_a_cluster_on_sqlite_has_no_member() -> None:
    assert etcd.with_ports(SQLITE, (), anything) == SQLITE
    assert [spec.name for spec in up.control_plane_specs(SQLITE)] == ["apiserver", "controllers"]


def test_the_store_is_started_first() -> None:
    specs = up.control_plane_specs(etcd.with_ports(ETCD, (), anything))
    assert [spec.name for spec in specs] == ["etcd", "apiserver", "controllers"]
    assert "https://127.0.0.1:12379" in specs[1].argv


@pytest.mark.parametrize("side", ["--", "--peer-"])
def test_nobody_reaches_a_member_without_a_certificate(side: str) -> None:
    argv = etcd.etcd_spec(etcd.with_ports(ETCD, (), anything)).argv
    assert f"{side}client-cert-auth=true" in argv
    assert f"{side}trusted-ca-file=/nowhere/alpha/pki/etcd/ca.crt" in argv
    assert not [word for word in argv if "http://" in word]


def test_a_member_does_not_see_the_users_environment() -> None:
    assert etcd.etcd_spec(ETCD).argv[:2] == ("env", "-i")


def test_the_members_ca_is_not_the_clusters(tmp_path: Path) -> None:
    keys = pki.ensure_pki(tmp_path)
    etcd.ensure_keys(keys)
    made = keys.pair("etcd/server"), keys.pair("apiserver-etcd-client")
    assert keys.pair("etcd/ca").certificate != keys.ca_certificate
    etcd.ensure_keys(keys)
    assert (keys.pair("etcd/server"), keys.pair("apiserver-etcd-client")) == made, "issued once"


def test_the_package_is_named_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "etcd-server" in preflight.check_store(ETCD)[0].problem
    assert "etcd-server" not in preflight.check_packages()[0].problem


def test_a_missing_tool_for_snapshots_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BootstrapError, match="etcdctl is not installed"):
        etcd_snapshots.save(ETCD)


@pytest.mark.skipif(shutil.which("etcdctl") is None, reason="not installed: etcd-client")
def test_what_etcd_did_not_save_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("hello")
    with pytest.raises(BootstrapError, match=r"x is not a snapshot of etcd: invalid database$"):
        etcd_snapshots.unpack(replace(ETCD, data_dir=tmp_path), tmp_path / "x")
