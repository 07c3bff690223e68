"""Images: the same bytes every time, in the layout that runtimes read."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from typing import TYPE_CHECKING

import pytest

from steersman.bootstrap import images
from steersman.bootstrap.images import Entry, Image

if TYPE_CHECKING:
    from pathlib import Path

TINY = Image(
    "example/tiny:1",
    lambda: [Entry("bin"), Entry("bin/tool", b"#!/bin/sh\n"), Entry("bin/t", link="tool")],
    ("/bin/tool",),
)

needs_programs = pytest.mark.skipif(
    not (shutil.which("busybox") and shutil.which("catatonit")),
    reason="busybox-static and catatonit are not installed",
)


def members(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {m.name: f.read() for m in tar if (f := tar.extractfile(m)) is not None}


def test_building_twice_gives_the_same_bytes() -> None:
    assert images.build(TINY) == images.build(TINY)


def test_every_blob_is_named_after_its_content() -> None:
    blobs = {
        name: content for name, content in members(images.build(TINY)).items() if name.startswith("blobs/")
    }
    assert len(blobs) == 3
    for name, content in blobs.items():
        assert name == f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"


def test_the_index_leads_to_the_configuration_and_the_layer() -> None:
    found = members(images.build(TINY))
    (listed,) = json.loads(found["index.json"])["manifests"]
    assert listed["annotations"]["io.containerd.image.name"] == "example/tiny:1"
    manifest = json.loads(found[f"blobs/sha256/{listed['digest'][7:]}"])
    config = json.loads(found[f"blobs/sha256/{manifest['config']['digest'][7:]}"])
    assert config["config"]["Entrypoint"] == ["/bin/tool"]
    assert config["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]
    layer = found[f"blobs/sha256/{manifest['layers'][0]['digest'][7:]}"]
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        assert [(m.name, m.linkname) for m in tar] == [("bin", ""), ("bin/t", "tool"), ("bin/tool", "")]


@needs_programs
def test_the_demo_image_serves_and_has_the_usual_tools() -> None:
    paths = {entry.path for entry in images.demo_entries()}
    assert {"bin/sh", "bin/wget", "bin/nslookup", "bin/id", "bin/httpd", "www/index.html"} <= paths


@needs_programs
def test_the_shell_of_the_demo_image_finds_its_own_wget() -> None:
    (busybox,) = (entry.content for entry in images.demo_entries() if entry.path == "bin/busybox")
    assert busybox is not None
    assert b"\0wget\0" not in busybox
    assert b"\0" + images.WGET_APPLET + b"\0" in busybox


@needs_programs
def test_archives_are_built_once(tmp_path: Path) -> None:
    paths = images.ensure_archives(tmp_path)
    before = [path.stat().st_mtime_ns for path in paths]
    assert [path.stat().st_mtime_ns for path in images.ensure_archives(tmp_path)] == before
    assert [path.name for path in paths] == ["pause-1.0.tar", "demo-1.0.tar"]
