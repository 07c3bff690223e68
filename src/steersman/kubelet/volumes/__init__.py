"""Volume plug-ins, one file each; `VOLUMES` is all of them, found by the field of a Volume they answer to."""

from __future__ import annotations

from steersman.kubelet.volumes.configmap import ConfigMap
from steersman.kubelet.volumes.downwardapi import DownwardAPI
from steersman.kubelet.volumes.emptydir import EmptyDir
from steersman.kubelet.volumes.hostpath import HostPath
from steersman.kubelet.volumes.persistentvolumeclaim import PersistentVolumeClaim
from steersman.kubelet.volumes.plugin import VolumePlugin
from steersman.kubelet.volumes.projected import Projected
from steersman.kubelet.volumes.secret import Secret

__all__ = ["VOLUMES", "VolumePlugin"]

VOLUMES: tuple[VolumePlugin, ...] = (
    EmptyDir(),
    HostPath(),
    ConfigMap(),
    Secret(),
    DownwardAPI(),
    Projected(),
    PersistentVolumeClaim(),
)
