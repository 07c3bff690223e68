"""Content volumes: files, links and modes as readers see them, and paths that must not leave the volume."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from steersman.kubelet.pods import subpath
from steersman.kubelet.pods.env import ConfigError
from steersman.kubelet.probes.verdict import Verdict, initial, judge
from steersman.kubelet.volumes import content
from steersman.kubelet.volumes.content import File
from steersman.kubelet.volumes.hostpath import check_type
from steersman.kubelet.volumes.plugin import VolumeError

if TYPE_CHECKING:
    from pathlib import Path


def tree(directory: Path) -> dict[str, str]:
    return {
        entry.name: entry.read_text()
        for entry in directory.iterdir()
        if not entry.name.startswith("..") and entry.is_file()
    }


def test_files_appear_change_and_vanish_together(tmp_path: Path) -> None:
    volume = tmp_path / "v"
    assert content.write(str(volume), {"a": File(b"1", 0o644), "d/b": File(b"2", 0o600)})
    assert os.readlink(volume / "a") == "..data/a"
    assert (volume / "d" / "b").read_text() == "2"
    assert (volume / "d" / "b").stat().st_mode & 0o777 == 0o600
    assert not content.write(str(volume), {"a": File(b"1", 0o644), "d/b": File(b"2", 0o600)})
    assert content.write(str(volume), {"a": File(b"9", 0o644)})
    assert tree(volume) == {"a": "9"}
    assert not os.path.lexists(volume / "d")
    assert len([name for name in os.listdir(volume) if name.startswith("..20")]) == 1


def test_a_half_finished_swap_is_repaired(tmp_path: Path) -> None:
    content.write(str(tmp_path), {"a": File(b"1", 0o644)})
    os.symlink("..gone", tmp_path / content.NEXT)
    content.write(str(tmp_path), {"a": File(b"2", 0o644)})
    assert tree(tmp_path) == {"a": "2"}


def test_items_choose_keys_paths_and_modes() -> None:
    data = {"k": b"v", "other": b"x"}
    source = {"items": [{"key": "k", "path": "a/b", "mode": 0o400}]}
    assert content.project(data, source, 0o644, optional=False) == {"a/b": File(b"v", 0o400)}
    missing = {"items": [{"key": "none", "path": "p"}]}
    with pytest.raises(VolumeError, match="non-existent config key: none"):
        content.project(data, missing, 0o644, optional=False)
    assert content.project(data, missing, 0o644, optional=True) == {}


@pytest.mark.parametrize("path", ["/abs", "../up", "a/../../b", "..data"])
def test_paths_stay_inside(path: str) -> None:
    with pytest.raises(VolumeError):
        content.checked(path)


def test_a_sub_path_must_not_lead_out_of_the_volume(tmp_path: Path) -> None:
    volume = tmp_path / "v"
    volume.mkdir()
    (volume / "out").symlink_to(tmp_path)
    assert subpath.resolve(str(volume), "v", "new/dir") == str(volume / "new" / "dir")
    assert (volume / "new" / "dir").is_dir()
    for bad in ("out", "out/x", "../x"):
        with pytest.raises(ConfigError):
            subpath.resolve(str(volume), "v", bad)


def test_a_sub_path_is_made_as_accessible_as_its_volume(tmp_path: Path) -> None:
    volume = tmp_path / "v"
    volume.mkdir()
    volume.chmod(0o2777)
    assert subpath.resolve(str(volume), "v", "a/b") == str(volume / "a" / "b")
    made = (volume / "a", volume / "a" / "b")
    assert [oct(path.stat().st_mode & 0o7777) for path in made] == ["0o2777", "0o2777"]


@pytest.mark.parametrize(
    ("kind", "name", "fits"),
    [
        ("Directory", "d", True),
        ("Directory", "none", False),
        ("File", "d", False),
        ("DirectoryOrCreate", "made/deep", True),
        ("FileOrCreate", "made.txt", True),
        ("Socket", "d", False),
    ],
)
def test_host_path_types(tmp_path: Path, kind: str, name: str, fits: bool) -> None:
    (tmp_path / "d").mkdir()
    if fits:
        check_type(str(tmp_path / name), kind)
        assert (tmp_path / name).exists()
    else:
        with pytest.raises(VolumeError, match="hostPath type check failed"):
            check_type(str(tmp_path / name), kind)


def test_thresholds_of_a_probe() -> None:
    probe = {"failureThreshold": 2, "successThreshold": 2}
    verdict = initial("readiness")
    healthy = []
    for answer in (True, True, False, True, False, False):
        verdict = judge(probe, verdict, answer)
        healthy.append(verdict.healthy)
    assert healthy == [False, True, True, True, True, False]
    assert initial("liveness") == Verdict(healthy=True)
