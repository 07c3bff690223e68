"""The cgroup tree on made-up hierarchies of both versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from steersman.kubelet.cgroups import Cgroups, weight

if TYPE_CHECKING:
    from pathlib import Path

LIMITED = {"limits": {"cpu": "500m", "memory": "64Mi"}, "requests": {"cpu": "250m", "memory": "32Mi"}}
POD: dict[str, Any] = {
    "metadata": {"name": "p", "namespace": "ns", "uid": "u1"},
    "spec": {"containers": [{"name": "c", "resources": LIMITED}]},
}


def hierarchy(root: Path, *, unified: bool) -> Path:
    """A directory with the files that a kernel would have made for the levels the test uses."""
    pod = "node/kubepods/burstable/podu1"
    if unified:
        for level in ("", "node", "node/kubepods", "node/kubepods/burstable", pod):
            (root / level).mkdir(parents=True, exist_ok=True)
            (root / level / "cgroup.controllers").write_text("cpu memory pids")
            (root / level / "cgroup.subtree_control").write_text("")
        files = [f"{pod}/{name}" for name in ("cpu.weight", "cpu.max", "memory.max")]
    else:
        (root / "memory").mkdir()
        cpu = [f"cpu/{pod}/{name}" for name in ("cpu.shares", "cpu.cfs_quota_us", "cpu.cfs_period_us")]
        files = [*cpu, f"memory/{pod}/memory.limit_in_bytes"]
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    return root


@pytest.mark.parametrize(
    ("unified", "expected"),
    [
        pytest.param(
            True,
            {"cpu.weight": str(weight(256)), "cpu.max": "50000 100000", "memory.max": str(64 << 20)},
            id="version 2",
        ),
        pytest.param(
            False,
            {
                "cpu.shares": "256",
                "cpu.cfs_quota_us": "50000",
                "cpu.cfs_period_us": "100000",
                "memory.limit_in_bytes": str(64 << 20),
            },
            id="version 1",
        ),
    ],
)
def test_limits_of_a_pod(tmp_path: Path, unified: bool, expected: dict[str, str]) -> None:
    root = hierarchy(tmp_path, unified=unified)
    cgroups = Cgroups("/node", str(root))
    assert cgroups.unified is unified
    assert cgroups.ensure_pod(POD) == "/node/kubepods/burstable/podu1"
    found = {path.name: path.read_text() for path in root.rglob("podu1/*") if path.name in expected}
    assert found == expected
    assert cgroups.pods() == {"u1"}
    if unified:
        assert (root / "node" / "kubepods" / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"


@pytest.mark.parametrize(("shares", "expected"), [(2, 1), (1024, 39), (262144, 10000)])
def test_weight(shares: int, expected: int) -> None:
    assert weight(shares) == expected
