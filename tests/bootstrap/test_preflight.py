"""Preflight: what is wrong is found, and named with its remedy."""

from __future__ import annotations

import shutil
import socket
import sys
from pathlib import Path

import pytest

from steersman.bootstrap.local import preflight
from steersman.bootstrap.local.cluster import Cluster


def cluster(data_dir: Path, port: int = 6443) -> Cluster:
    return Cluster("preflight-test", data_dir, port=port, network="10.89.200.0/24")


@pytest.mark.parametrize("place", ["/run/x", "/var/log/x", "/proc/x", "/var/lib/cni"])
def test_places_that_nodes_hide_are_refused(place: str) -> None:
    (finding,) = preflight.check_place(cluster(Path(place)))
    assert "cannot hold" in finding.problem


def test_a_directory_with_somebody_elses_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    (finding,) = preflight.check_place(cluster(tmp_path))
    assert "holds something else" in finding.problem


def test_an_empty_and_a_missing_directory_will_do(tmp_path: Path) -> None:
    assert preflight.check_place(cluster(tmp_path)) == []
    assert preflight.check_place(cluster(tmp_path / "a" / "b")) == []


def test_a_used_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        (finding,) = preflight.check_port(cluster(tmp_path, server.getsockname()[1]))
    assert "is in use" in finding.problem
    assert "--port" in finding.remedy


def test_every_program_says_where_it_comes_from() -> None:
    assert all(program and package for program, package in preflight.PROGRAMS)


def test_static_and_dynamic_programs_are_told_apart(tmp_path: Path) -> None:
    assert not preflight.is_static(Path(sys.executable).resolve())
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    assert not preflight.is_static(script)
    if busybox := shutil.which("busybox"):
        assert preflight.is_static(Path(busybox))
