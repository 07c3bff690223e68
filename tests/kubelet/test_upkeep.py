"""Housekeeping on a real node: logs are rotated, unused images go, used ones and orphans are told apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.kubelet.cluster import IMAGE, Cluster, config_for, ready
from tests.kubelet.kubelet_node import ONE_LOOP, PAUSE_IMAGE, ctr, image_archive

from steersman.kubelet.node.agent import NodeAgent
from steersman.kubelet.node.machine import read_machine
from steersman.kubelet.node.status import Observed, allocatable, capacity, conditions, transitions
from steersman.kubelet.upkeep import Upkeep, drop_oldest

if TYPE_CHECKING:
    from steersman.kubelet.run import KubeletConfig


def upkeep(cluster: Cluster, **settings: Any) -> Upkeep:
    kubelet, kit = cluster.kubelet, cluster.kubelet.kit
    config: KubeletConfig = config_for(cluster.node, **settings)
    node = NodeAgent(
        config, read_machine(), kit.node, kit.client, kit.runtime, kit.recorder, kit.clock, port=0
    )
    return Upkeep(config, kit, kubelet.workers, kubelet.sources, node)


@ONE_LOOP
@pytest.mark.root
@pytest.mark.slow
async def test_a_large_log_is_rotated_and_goes_on(cluster: Cluster) -> None:
    await cluster.create("chatty", command="while true; do echo 0123456789; sleep 0.01; done")
    pod = await cluster.wait("chatty", ready)
    path = cluster.kubelet.access.log_path(pod["metadata"]["uid"], "c")
    assert path is not None
    while Path(path).stat().st_size < 2000:
        await cluster.kubelet.kit.clock.sleep(0.05)
    await upkeep(cluster, log_max_bytes=1000).rotate_logs()
    rotated = list(Path(path).parent.glob("0.log.*"))
    assert len(rotated) == 1
    while Path(path).stat().st_size < 100:
        await cluster.kubelet.kit.clock.sleep(0.05)
    await cluster.delete("chatty", grace=0)


@ONE_LOOP
@pytest.mark.root
@pytest.mark.slow
async def test_only_unused_images_are_removed(cluster: Cluster) -> None:
    unused = "localhost/steersman/unused:test"
    archive = cluster.node.directory / "unused.tar"
    archive.write_bytes(image_archive(unused, {"file": "/etc/hostname"}, ["/file"], []))
    ctr(cluster.node.socket, "images", "import", str(archive))
    await cluster.create("using")
    await cluster.wait("using", ready)
    kit = cluster.kubelet.kit
    await upkeep(cluster, image_gc_high=0, image_gc_low=0).remove_images()
    assert await kit.runtime.image_status(unused) is not None  # there is room enough
    await upkeep(cluster, image_gc_high=0, image_gc_low=0, image_gc_free=1 << 60).remove_images()
    assert await kit.runtime.image_status(unused) is None
    assert await kit.runtime.image_status(IMAGE) is not None
    assert await kit.runtime.image_status(PAUSE_IMAGE) is not None
    await cluster.delete("using", grace=0)


def test_only_the_newest_rotated_logs_are_kept(tmp_path: Path) -> None:
    for day in range(5):
        (tmp_path / f"0.log.2026010{day}-000000").touch()
    (tmp_path / "0.log").touch()
    drop_oldest(str(tmp_path / "0.log"), 2)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "0.log",
        "0.log.20260103-000000",
        "0.log.20260104-000000",
    ]


def test_what_a_node_can_give(tmp_path: Path) -> None:
    from steersman.kubelet.run import KubeletConfig

    config = KubeletConfig("n", str(tmp_path), "sock", reserved={"cpu": "500m"})
    whole = capacity(config, read_machine(), 1 << 40)
    given = allocatable(config, whole)
    assert int(whole["memory"][:-2]) - int(given["memory"][:-2]) == 100 * 1024
    assert given["cpu"] == f"{int(whole['cpu']) * 1000 - 500}m"
    assert int(given["ephemeral-storage"]) == (1 << 40) - (2 << 30)


def test_node_events_follow_the_conditions() -> None:
    fresh = conditions(Observed())
    assert transitions(fresh, {})[-1] == "NodeReady"
    known = {condition["type"]: condition for condition in fresh}
    assert transitions(fresh, known) == []
    assert transitions(conditions(Observed(not_ready="no network")), known) == ["NodeNotReady"]
    assert transitions(conditions(Observed(disk_pressure=True)), known) == ["NodeHasDiskPressure"]
