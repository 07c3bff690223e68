"""Container images assembled from this machine's Debian packages: no registry, no daemon, the same bytes
every time.

An image is an OCI layout in a tar archive, which containerd (`ctr images import`), podman and skopeo read.
What the images contain is described in `images/README.md`; the table `IMAGES` is that description as data.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steersman.bootstrap.errors import BootstrapError
from steersman.bootstrap.files import PUBLIC, write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DEMO_IMAGE = "steersman.local/demo:1.0"
PAUSE_IMAGE = "steersman.local/pause:1.0"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64", "s390x": "s390x"}
"""`uname -m` to the names OCI uses."""

WELCOME = """\
<!doctype html>
<title>Steersman</title>
<h1>It works.</h1>
<p>This page comes with the image. Mount a ConfigMap at /www to replace it.</p>
"""


WGET_APPLET = b"wgeT"
"""What the image's busybox calls its own wget; of the same length, and at the same place in the alphabet."""

WGET = """\
#!/bin/sh
# Debian's static busybox has no wget -T (it crashes on it): the timeout applet does that part.
set -o pipefail
seconds= left=$#
while [ "$left" -gt 0 ]; do
  word=$1
  shift
  left=$((left - 1))
  case $word in
    -T | --timeout) seconds=$1; shift; left=$((left - 1)) ;;
    -t | --tries) shift; left=$((left - 1)) ;;
    --timeout=*) seconds=${word#*=} ;;
    -T*) seconds=${word#-T} ;;
    --tries=* | -t[0-9]*) ;;
    -[qcS]*T) seconds=$1; shift; left=$((left - 1)); set -- "$@" "${word%T}" ;;
    *) set -- "$@" "$word" ;;
  esac
done
{ ${seconds:+timeout "$seconds"} busybox wgeT "$@" 2>&1 >&3 3>&- | sed 's/^wgeT:/wget:/' >&2; } 3>&1
status=$?
[ $status -ne 143 ] || { echo "wget: download timed out" >&2; status=1; }
exit $status
"""

DEMO_DIRECTORIES = "bin dev etc proc root sbin sys usr usr/bin usr/sbin var www"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in an image's file system; exactly one of `content`, `link` and neither (a directory)."""

    path: str
    content: bytes | None = None
    link: str = ""
    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class Image:
    """One image: what is in it and how it starts."""

    reference: str
    entries: Callable[[], Iterable[Entry]]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()


def pause_entries() -> list[Entry]:
    """The pause image: one static program."""
    return [Entry("pause", program("catatonit"))]


def demo_entries() -> list[Entry]:
    """The demo image: busybox with all its applets, an init, a page."""
    entries = [Entry(name) for name in DEMO_DIRECTORIES.split()]
    entries += [Entry(name, mode=0o1777) for name in ("tmp", "var/tmp")]
    entries += [Entry("bin/busybox", _own_wget(program("busybox")))]
    entries += [Entry("sbin/catatonit", program("catatonit"))]
    entries += [Entry(f"bin/{name}", link="busybox") for name in applets() if name != "wget"]
    entries.append(Entry("bin/wget", WGET.encode()))
    files = {
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
        "etc/group": "root:x:0:\nnogroup:x:65534:\n",
        "etc/nsswitch.conf": "hosts: files dns\n",
        "etc/os-release": 'NAME="Steersman demo"\nID=steersman-demo\nVERSION_ID=1.0\n',
        "www/index.html": WELCOME,
    }
    return entries + [Entry(path, text.encode(), mode=0o644) for path, text in files.items()]


def _own_wget(busybox: bytes) -> bytes:
    """Take the name `wget` out of busybox's table of applets: its shell looks there before it looks along
    PATH, and would never find the image's own wget."""
    return busybox.replace(b"\0wget\0", b"\0" + WGET_APPLET + b"\0", 1)


IMAGES = (
    Image(PAUSE_IMAGE, pause_entries, ("/pause", "-P")),
    Image(
        DEMO_IMAGE,
        demo_entries,
        # An init: process 1 would otherwise ignore SIGTERM, and every stop would take the whole grace period.
        ("/sbin/catatonit", "--"),
        ("/bin/httpd", "-f", "-vv", "-p", "80", "-h", "/www"),
        ("80/tcp",),
    ),
)


def program(name: str) -> bytes:
    """Read a static program of this machine. Raises: BootstrapError when its package is missing."""
    path = shutil.which(name)
    if path is None:
        raise BootstrapError(f"{name} is not installed", "steersman preflight --install")
    return Path(path).read_bytes()


def applets() -> list[str]:
    """The commands busybox can be, itself left out."""
    listed = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
    return sorted(name for name in listed if name != "busybox")


def tar_bytes(entries: Iterable[Entry]) -> bytes:
    """An uncompressed tar archive with fixed owners and times."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for entry in sorted(entries, key=lambda e: e.path):
            info = tarfile.TarInfo(entry.path)
            info.mode = entry.mode
            if entry.link:
                info.type, info.linkname = tarfile.SYMTYPE, entry.link
            elif entry.content is None:
                info.type = tarfile.DIRTYPE
            else:
                info.size = len(entry.content)
            archive.addfile(info, io.BytesIO(entry.content) if entry.content is not None else None)
    return buffer.getvalue()


def digest(content: bytes) -> str:
    """`sha256:...`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def descriptor(media_type: str, content: bytes, **more: Any) -> dict[str, Any]:
    """An OCI content descriptor."""
    full = f"application/vnd.oci.image.{media_type}"
    return {"mediaType": full, "digest": digest(content), "size": len(content), **more}


def encode(document: dict[str, Any]) -> bytes:
    """JSON, the same bytes for the same document."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def build(image: Image) -> bytes:
    """Assemble an image: the bytes of an OCI layout archive."""
    layer = tar_bytes(image.entries())
    machine = platform.machine()
    system = {"architecture": ARCHITECTURES.get(machine, machine), "os": "linux"}
    settings: dict[str, Any] = {
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        "Entrypoint": list(image.entrypoint),
        "WorkingDir": "/",
    }
    if image.command:
        settings["Cmd"] = list(image.command)
    if image.ports:
        settings["ExposedPorts"] = {port: {} for port in image.ports}
    history = [{"created": "1970-01-01T00:00:00Z", "created_by": "steersman"}]
    rootfs = {"type": "layers", "diff_ids": [digest(layer)]}
    config = encode({**system, "config": settings, "rootfs": rootfs, "history": history})
    manifest = encode(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("config.v1+json", config),
            "layers": [descriptor("layer.v1.tar", layer)],
        }
    )
    names = {
        "io.containerd.image.name": image.reference,
        "org.opencontainers.image.ref.name": image.reference,
    }
    listed = descriptor("manifest.v1+json", manifest, annotations=names, platform=system)
    blobs = [Entry(f"blobs/sha256/{digest(b)[7:]}", b, mode=0o644) for b in (layer, config, manifest)]
    index = encode({"schemaVersion": 2, "manifests": [listed]})
    version = encode({"imageLayoutVersion": "1.0.0"})
    layout = [Entry("index.json", index, mode=0o644), Entry("oci-layout", version, mode=0o644)]
    return tar_bytes([*layout, *blobs])


def archive_name(reference: str) -> str:
    """File name of an image's archive: `demo-1.0.tar`."""
    return reference.rpartition("/")[2].replace(":", "-") + ".tar"


def fingerprint() -> str:
    """Changes when an image would come out differently: this file, or the programs put into images."""
    programs = [Path(path) for name in ("busybox", "catatonit") if (path := shutil.which(name))]
    stats = [os.stat(path) for path in (Path(__file__), *programs)]
    facts = [(entry.st_size, entry.st_mtime_ns) for entry in stats]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def ensure_archives(directory: Path) -> list[Path]:
    """Build what is missing or stale in a directory; the archives, in the order of `IMAGES`."""
    stamp = directory / "fingerprint"
    paths = [directory / archive_name(image.reference) for image in IMAGES]
    now = fingerprint()
    if all(path.exists() for path in paths) and stamp.exists() and stamp.read_text() == now:
        return paths
    for image, path in zip(IMAGES, paths, strict=True):
        write_file(path, build(image), PUBLIC)
    write_file(stamp, now, PUBLIC)
    return paths
