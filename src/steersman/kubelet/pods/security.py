"""Security contexts of pods and containers as CRI messages; what a container says wins over what its pod
says.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from steersman.kubelet.pods import spec
from steersman.kubelet.pods.env import ConfigError
from steersman.wire.cri import cri_pb2 as pb

if TYPE_CHECKING:
    from steersman.api.types import Object

# What a container may not read or write below /proc and /sys unless it is privileged: the defaults that
# container engines have in common.
MASKED_PATHS = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def effective(pod: Object, container: Object, setting: str) -> Any:
    """A security setting of the container, else of the pod, else None."""
    own = (container.get("securityContext") or {}).get(setting)
    return own if own is not None else (pod["spec"].get("securityContext") or {}).get(setting)


def namespace_options(pod: Object, target: str = "") -> Any:
    """The namespaces of a pod; `target`: id of the container whose process namespace is joined."""
    wants = pod["spec"]
    pid = pb.CONTAINER
    if wants.get("hostPID"):
        pid = pb.NODE
    elif target:
        pid = pb.TARGET
    elif wants.get("shareProcessNamespace"):
        pid = pb.POD
    return pb.NamespaceOption(
        network=pb.NODE if wants.get("hostNetwork") else pb.POD,
        ipc=pb.NODE if wants.get("hostIPC") else pb.POD,
        pid=pid,
        target_id=target,
    )


def seccomp(pod: Object, container: Object, root: str) -> Any:
    """The seccomp profile; `root` is the kubelet's directory, profiles of nodes live in its `seccomp/`."""
    profile = effective(pod, container, "seccompProfile") or {}
    kind = profile.get("type", "Unconfined")
    if kind == "Localhost":
        path = os.path.join(root, "seccomp", profile.get("localhostProfile", ""))
        return pb.SecurityProfile(profile_type=pb.SecurityProfile.Localhost, localhost_ref=path)
    chosen = pb.SecurityProfile.RuntimeDefault if kind == "RuntimeDefault" else pb.SecurityProfile.Unconfined
    return pb.SecurityProfile(profile_type=chosen)


def supplemental_groups(pod: Object) -> list[int]:
    context = pod["spec"].get("securityContext") or {}
    groups = list(context.get("supplementalGroups") or ())
    if context.get("fsGroup") is not None:
        groups.append(context["fsGroup"])
    return groups


def sandbox_security(pod: Object, root: str) -> Any:
    """LinuxSandboxSecurityContext: the pause process runs as the pod's user, privileged if any
    container is.
    """
    context = pod["spec"].get("securityContext") or {}
    privileged = any((c.get("securityContext") or {}).get("privileged") for c in spec.all_containers(pod))
    result = pb.LinuxSandboxSecurityContext(
        namespace_options=namespace_options(pod),
        supplemental_groups=supplemental_groups(pod),
        privileged=bool(privileged),
        seccomp=pb.SecurityProfile(profile_type=pb.SecurityProfile.RuntimeDefault),
    )
    if (context.get("seccompProfile") or {}).get("type") == "Unconfined" or privileged:
        result.seccomp.CopyFrom(pb.SecurityProfile(profile_type=pb.SecurityProfile.Unconfined))
    if context.get("runAsUser") is not None:
        result.run_as_user.value = context["runAsUser"]
        if context.get("runAsGroup") is not None:
            result.run_as_group.value = context["runAsGroup"]
    return result


def container_security(pod: Object, container: Object, image: Any, root: str, target: str = "") -> Any:
    """LinuxContainerSecurityContext of one container; `image` is the CRI Image it runs.

    Raises: ConfigError when runAsNonRoot cannot be kept.
    """
    own = container.get("securityContext") or {}
    privileged = bool(own.get("privileged"))
    verify_non_root(pod, container, image)
    capabilities = own.get("capabilities") or {}
    result = pb.LinuxContainerSecurityContext(
        privileged=privileged,
        readonly_rootfs=bool(own.get("readOnlyRootFilesystem")),
        no_new_privs=own.get("allowPrivilegeEscalation") is False,
        capabilities=pb.Capability(
            add_capabilities=capabilities.get("add") or (), drop_capabilities=capabilities.get("drop") or ()
        ),
        namespace_options=namespace_options(pod, target),
        supplemental_groups=supplemental_groups(pod),
        seccomp=seccomp(pod, container, root),
    )
    if not privileged and own.get("procMount") != "Unmasked":
        result.masked_paths.extend(MASKED_PATHS)
        result.readonly_paths.extend(READONLY_PATHS)
    user, group = effective(pod, container, "runAsUser"), effective(pod, container, "runAsGroup")
    if user is not None:
        result.run_as_user.value = user
    elif image is not None and image.HasField("uid"):
        result.run_as_user.value = image.uid.value
    elif image is not None and image.username:
        result.run_as_username = image.username
    if group is not None:
        result.run_as_group.value = group
    return result


def verify_non_root(pod: Object, container: Object, image: Any) -> None:
    """Refuse a container that says runAsNonRoot and would run as root, or might.

    Raises: ConfigError.
    """
    if not effective(pod, container, "runAsNonRoot"):
        return
    where = f'(pod: "{spec.full_name(pod)}", container: {container["name"]})'
    user = effective(pod, container, "runAsUser")
    if user is not None:
        if user == 0:
            raise ConfigError(f"container's runAsUser breaks non-root policy {where}")
        return
    if image is not None and image.username and not image.HasField("uid"):
        raise ConfigError(
            f"container has runAsNonRoot and image has non-numeric user ({image.username}), "
            f"cannot verify user is non-root {where}"
        )
    if image is None or not image.HasField("uid") or image.uid.value == 0:
        raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")
