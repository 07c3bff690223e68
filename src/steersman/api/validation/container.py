"""Checks of containers: main, init and ephemeral ones.

`ContainerRules` knows what the pod around them means for them (its volumes, its host network).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steersman.api import fields, names
from steersman.api.validation import environment, handlers, resources, rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.fields import FieldError, Path
    from steersman.api.types import Object

PROTOCOLS = ("TCP", "UDP", "SCTP")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_INIT_ONLY_WITH_RESTART = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
_EPHEMERAL_FORBIDDEN = (
    "ports",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "resources",
    "resizePolicy",
)


@dataclass(slots=True)
class ContainerRules:
    """Checks containers of one pod and remembers what must be unique among them."""

    volumes: Mapping[str, Object]
    """Volumes by name."""
    claims: frozenset[str] = frozenset()
    """Names of the pod's resource claims."""
    grace: int | None = None
    """terminationGracePeriodSeconds of the pod."""
    host_network: bool = False
    seen: set[str] = field(default_factory=set)
    """Names of containers so far."""
    host_ports: set[tuple[str, str, int]] = field(default_factory=set)

    def main(self, path: Path, containers: list[Object]) -> list[FieldError]:
        """Check `containers`."""
        if not containers:
            return [fields.required(path)]
        errors: list[FieldError] = []
        for index, container in enumerate(containers):
            here = path.index(index)
            errors += self._any(here, container)
            errors += handlers.lifecycle(here.child("lifecycle"), container.get("lifecycle"))
            errors += handlers.probes(here, container, self.grace)
            errors += self._host_ports(here.child("ports"), container.get("ports") or ())
        return errors

    def init(self, path: Path, containers: list[Object]) -> list[FieldError]:
        """Check `initContainers`."""
        errors: list[FieldError] = []
        for index, container in enumerate(containers):
            here = path.index(index)
            errors += self._any(here, container)
            if container.get("restartPolicy") == "Always":
                errors += handlers.lifecycle(here.child("lifecycle"), container.get("lifecycle"))
                errors += handlers.probes(here, container, self.grace)
                continue
            for name in _INIT_ONLY_WITH_RESTART:
                if container.get(name) is not None:
                    text = "may not be set for init containers without restartPolicy=Always"
                    errors.append(fields.forbidden(here.child(name), text))
        return errors

    def ephemeral(self, path: Path, containers: list[Object], others: set[str]) -> list[FieldError]:
        """Check `ephemeralContainers`.  `others`: names of the pod's main and init containers."""
        errors: list[FieldError] = []
        for index, container in enumerate(containers):
            here = path.index(index)
            errors += self._any(here, container)
            target = container.get("targetContainerName")
            if target and target not in others:
                errors.append(fields.not_found(here.child("targetContainerName"), target))
            for name in _EPHEMERAL_FORBIDDEN:
                if container.get(name):
                    text = "cannot be set for an Ephemeral Container"
                    errors.append(fields.forbidden(here.child(name), text))
            for mount_index, mount in enumerate(container.get("volumeMounts") or ()):
                for name in ("subPath", "subPathExpr"):
                    if mount.get(name):
                        where = here.child("volumeMounts").index(mount_index).child(name)
                        errors.append(fields.forbidden(where, "cannot be set for an Ephemeral Container"))
        return errors

    def _any(self, path: Path, container: Object) -> list[FieldError]:
        errors = self._name(path.child("name"), container.get("name") or "")
        errors += _image(path.child("image"), container.get("image") or "")
        errors += rules.one_of(path.child("imagePullPolicy"), container.get("imagePullPolicy"), PULL_POLICIES)
        policy = container.get("terminationMessagePolicy")
        errors += rules.one_of(
            path.child("terminationMessagePolicy"), policy, ("FallbackToLogsOnError", "File")
        )
        errors += rules.one_of(path.child("restartPolicy"), container.get("restartPolicy"), _RESTART_POLICIES)
        if container.get("ports"):
            errors += _ports(path.child("ports"), container["ports"])
        if container.get("env"):
            errors += environment.environment(path.child("env"), container["env"])
        if container.get("envFrom"):
            errors += environment.sources(path.child("envFrom"), container["envFrom"])
        if container.get("volumeMounts"):
            errors += self._mounts(path.child("volumeMounts"), container)
        if container.get("volumeDevices"):
            errors += self._devices(path.child("volumeDevices"), container["volumeDevices"])
        if container.get("resources"):
            errors += self._resources(path.child("resources"), container["resources"])
        if container.get("securityContext"):
            errors += security_context(path.child("securityContext"), container["securityContext"])
        return errors

    def _name(self, path: Path, name: str) -> list[FieldError]:
        if name and name in self.seen:
            return [fields.duplicate(path, name)]
        self.seen.add(name)
        return rules.required_name(path, name, names.is_dns1123_label)

    def _resources(self, path: Path, found: Object) -> list[FieldError]:
        errors = resources.requirements(path, found)
        for index, claim in enumerate(found.get("claims") or ()):
            if claim.get("name") not in self.claims:
                errors.append(fields.not_found(path.child("claims").index(index), claim.get("name")))
        return errors

    def _host_ports(self, path: Path, ports: list[Object] | tuple[()]) -> list[FieldError]:
        errors: list[FieldError] = []
        for index, port in enumerate(ports):
            host = port.get("hostPort")
            if not host:
                continue
            here = path.index(index)
            if self.host_network and host != port.get("containerPort"):
                text = "must match `hostPort` when `hostNetwork` is true"
                errors.append(fields.invalid(here.child("containerPort"), port.get("containerPort"), text))
            key = (str(port.get("protocol")), port.get("hostIP") or "", host)
            if key in self.host_ports:
                errors.append(fields.duplicate(here.child("hostPort"), "/".join(map(str, key))))
            self.host_ports.add(key)
        return errors

    def _mounts(self, path: Path, container: Object) -> list[FieldError]:
        errors: list[FieldError] = []
        places: set[str] = set()
        for index, mount in enumerate(container["volumeMounts"]):
            here = path.index(index)
            name, place = mount.get("name"), mount.get("mountPath")
            if not name:
                errors.append(fields.required(here.child("name")))
            elif name not in self.volumes:
                errors.append(fields.not_found(here.child("name"), name))
            if not place:
                errors.append(fields.required(here.child("mountPath")))
            elif place in places:
                errors.append(fields.invalid(here.child("mountPath"), place, "must be unique"))
            places.add(place or "")
            errors += _sub_paths(here, mount)
            errors += rules.one_of(
                here.child("mountPropagation"), mount.get("mountPropagation"), _PROPAGATIONS
            )
            errors += _propagation(here, mount, container)
        return errors

    def _devices(self, path: Path, devices: list[Object]) -> list[FieldError]:
        errors: list[FieldError] = []
        for index, device in enumerate(devices):
            here = path.index(index)
            volume = self.volumes.get(device.get("name") or "")
            if volume is None:
                errors.append(fields.not_found(here.child("name"), device.get("name")))
            elif volume.get("persistentVolumeClaim") is None and volume.get("ephemeral") is None:
                text = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
                errors.append(fields.invalid(here.child("name"), device["name"], text))
            errors += rules.required(here.child("devicePath"), device.get("devicePath"))
        return errors


def _image(path: Path, image: str) -> list[FieldError]:
    if not image:
        return [fields.required(path)]
    if image != image.strip():
        return [fields.invalid(path, image, "must not have leading or trailing whitespace")]
    return []


def _ports(path: Path, ports: list[Object]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        here, name = path.index(index), port.get("name")
        if name:
            problems = names.is_port_name(name)
            errors += rules.complaints(here.child("name"), name, problems)
            if not problems and name in seen:
                errors.append(fields.duplicate(here.child("name"), name))
            seen.add(name)
        if not port.get("containerPort"):
            errors.append(fields.required(here.child("containerPort")))
        else:
            errors += rules.port_number(here.child("containerPort"), port["containerPort"])
        if port.get("hostPort"):
            errors += rules.port_number(here.child("hostPort"), port["hostPort"])
        errors += rules.required_one_of(here.child("protocol"), port.get("protocol"), PROTOCOLS)
    return errors


def _sub_paths(path: Path, mount: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    for name in ("subPath", "subPathExpr"):
        if mount.get(name):
            errors += relative_path(path.child(name), mount[name])
    if mount.get("subPath") and mount.get("subPathExpr"):
        text = "subPathExpr and subPath are mutually exclusive"
        errors.append(fields.invalid(path.child("subPathExpr"), mount["subPathExpr"], text))
    return errors


def relative_path(path: Path, text: str) -> list[FieldError]:
    """Refuse absolute paths and those that climb out."""
    errors: list[FieldError] = []
    if text.startswith("/"):
        errors.append(fields.invalid(path, text, "must be a relative path"))
    if ".." in text.split("/"):
        errors.append(fields.invalid(path, text, "must not contain '..'"))
    return errors


def _propagation(path: Path, mount: Object, container: Object) -> list[FieldError]:
    privileged = (container.get("securityContext") or {}).get("privileged")
    if mount.get("mountPropagation") == "Bidirectional" and not privileged:
        text = "Bidirectional mount propagation is available only to privileged containers"
        return [fields.forbidden(path.child("mountPropagation"), text)]
    return []


def security_context(path: Path, context: Object) -> list[FieldError]:
    """Check what a container's or a pod's security context has in common, and the container's own parts."""
    errors: list[FieldError] = []
    for name in ("runAsUser", "runAsGroup", "fsGroup"):
        value = context.get(name)
        if value is not None and not 0 <= value <= 2**31 - 1:
            text = "must be between 0 and 2147483647, inclusive"
            errors.append(fields.invalid(path.child(name), value, text))
    errors += rules.one_of(path.child("procMount"), context.get("procMount"), ("Default", "Unmasked"))
    errors += _seccomp(path.child("seccompProfile"), context.get("seccompProfile"))
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged"):
            text = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            errors.append(fields.invalid(path, context, text))
        elif "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
            text = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            errors.append(fields.invalid(path, context, text))
    return errors


def _seccomp(path: Path, profile: Object | None) -> list[FieldError]:
    if profile is None:
        return []
    kinds = ("Localhost", "RuntimeDefault", "Unconfined")
    errors = rules.required_one_of(path.child("type"), profile.get("type"), kinds)
    if profile.get("type") == "Localhost":
        text = "must be set when seccomp type is Localhost"
        errors += rules.required(path.child("localhostProfile"), profile.get("localhostProfile"), text)
    elif profile.get("localhostProfile"):
        text = "can only be set when seccomp type is Localhost"
        errors.append(fields.invalid(path.child("localhostProfile"), profile["localhostProfile"], text))
    return errors
