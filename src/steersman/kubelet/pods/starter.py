"""Carrying out a plan's creations: sandboxes, and containers from image to postStart hook."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from steersman.api.errors import ApiError
from steersman.api.kinds import CONFIG_MAPS, SECRETS
from steersman.client.transport import ConnectionFailed
from steersman.kubelet import metrics
from steersman.kubelet.cri.client import RuntimeCallFailed
from steersman.kubelet.images import ImageProblem
from steersman.kubelet.pods import dns, env, spec, subpath
from steersman.kubelet.pods.container import TERMINATION_LOG, Bind, Preparation, container_config
from steersman.kubelet.pods.env import ConfigError
from steersman.kubelet.pods.fields import Addresses
from steersman.kubelet.pods.hooks import HookFailed, run_hook
from steersman.kubelet.pods.sandbox import sandbox_config
from steersman.kubelet.pods.security import effective
from steersman.kubelet.probes.handlers import Target
from steersman.kubelet.status.facts import Waiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.types import Object
    from steersman.kubelet.cri.observed import PodRuntime, Sandbox
    from steersman.kubelet.pods.kit import Kit
    from steersman.kubelet.pods.plan import Start

log = logging.getLogger("steersman.kubelet.pods")

KINDS = {"init": "init_container", "regular": "container", "ephemeral": "ephemeral_container"}
RESOURCES = {"ConfigMap": CONFIG_MAPS, "Secret": SECRETS}
DATA_VOLUMES = {"configMap", "downwardAPI", "projected", "secret"}
"""Volumes that the kubelet rewrites; containers only read them, whatever the mount says."""


class StartFailed(Exception):
    """A container could not be started; `waiting` is what its status shows until the next try."""

    def __init__(self, waiting: Waiting) -> None:
        super().__init__(waiting.message)
        self.waiting = waiting


class Starter:
    """Starts what one pod needs."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def sandbox_config(self, pod: Object, attempt: int, cgroup: str) -> Any:
        kit = self._kit
        return sandbox_config(
            pod,
            attempt=attempt,
            resolver=dns.pod_resolver(pod, kit.node.resolver, kit.cluster_dns, kit.cluster_domain),
            domain=kit.cluster_domain,
            logs=kit.logs,
            cgroup_parent=cgroup,
            root=kit.root,
        )

    async def make_sandbox(self, pod: Object, attempt: int) -> None:
        """Create the pod's sandbox. Raises: RuntimeCallFailed, ConfigError (both after an event)."""
        kit = self._kit
        try:
            config = self.sandbox_config(pod, attempt, kit.cgroups.ensure_pod(pod))
            os.makedirs(config.log_directory, mode=0o755, exist_ok=True)
            async with kit.sandbox_slots:
                await kit.runtime.run_sandbox(config, await self._handler(pod))
            metrics.STARTED_PODS.inc()
        except (RuntimeCallFailed, ConfigError) as error:
            message = f"Failed to create pod sandbox: {error}"
            kit.recorder.event(pod, "Warning", "FailedCreatePodSandBox", message)
            raise

    async def _handler(self, pod: Object) -> str:
        """The runtime handler that the pod's RuntimeClass names."""
        name = pod["spec"].get("runtimeClassName")
        if not name:
            return ""
        from steersman.api.kinds import RUNTIME_CLASSES

        found = await self._kit.outside.fetch(RUNTIME_CLASSES, name)
        if found is None:
            raise ConfigError(f'runtimeclass.node.k8s.io "{name}" not found')
        return str(found.get("handler", ""))

    async def start(self, pod: Object, runtime: PodRuntime, sandbox: Sandbox, start: Start) -> None:
        """Bring one container up. Raises: StartFailed."""
        kit, container, name = self._kit, start.container, start.container["name"]
        try:
            image = await kit.images.ensure(pod, container)
        except ImageProblem as error:
            self._failed(pod, container, error.reason)
            raise StartFailed(Waiting(error.reason, str(error))) from error
        try:
            ready = await self._prepare(pod, runtime, sandbox, start, image)
            config = container_config(pod, container, ready)
        except (ConfigError, ApiError, ConnectionFailed, OSError) as error:
            self._failed(pod, container, str(error))
            raise StartFailed(Waiting("CreateContainerConfigError", str(error))) from error
        parent = self.sandbox_config(pod, sandbox.attempt, kit.cgroups.pod_path(pod))
        os.makedirs(os.path.join(parent.log_directory, name), mode=0o755, exist_ok=True)
        try:
            identity = await kit.runtime.create_container(sandbox.id, config, parent)
        except RuntimeCallFailed as error:
            self._failed(pod, container, error.detail)
            raise StartFailed(Waiting("CreateContainerError", error.detail)) from error
        self._event(pod, container, "Normal", "Created", f"Created container: {name}")
        try:
            await kit.runtime.start_container(identity)
        except RuntimeCallFailed as error:
            self._failed(pod, container, error.detail)
            raise StartFailed(Waiting("RunContainerError", error.detail)) from error
        metrics.STARTED_CONTAINERS.labels(KINDS[start.kind]).inc()
        self._event(pod, container, "Normal", "Started", f"Started container {name}")
        await self._post_start(pod, container, identity, sandbox)

    async def _post_start(self, pod: Object, container: Object, identity: str, sandbox: Sandbox) -> None:
        hook = (container.get("lifecycle") or {}).get("postStart")
        if not hook:
            return
        kit = self._kit
        target = Target(container, identity, next(iter(self._ips(pod, sandbox)), ""))
        try:
            await run_hook(kit.handlers, hook, target, kit.clock)
        except HookFailed as error:
            log.info("postStart hook of %s %s: %s", spec.full_name(pod), container["name"], error)
            self._event(pod, container, "Warning", "FailedPostStartHook", "PostStartHook failed")
            self._event(pod, container, "Normal", "Killing", "FailedPostStartHook")
            await kit.runtime.stop_container(identity, spec.grace_period(pod))
            raise StartFailed(Waiting("PostStartHookError", "PostStartHook failed")) from error

    def _ips(self, pod: Object, sandbox: Sandbox) -> tuple[str, ...]:
        return self._kit.node.ips if pod["spec"].get("hostNetwork") else sandbox.ips

    async def _prepare(
        self, pod: Object, runtime: PodRuntime, sandbox: Sandbox, start: Start, image: Any
    ) -> Preparation:
        kit, container = self._kit, start.container
        ips = self._ips(pod, sandbox)
        environment = await self._environment(pod, container, ips)
        return Preparation(
            image=image.id,
            image_facts=image,
            environment=environment,
            binds=self._binds(pod, container, start.attempt, environment, ips),
            attempt=start.attempt,
            root=kit.root,
            node_memory=kit.node.memory,
            oom_floor=kit.node.oom_floor,
            target=_target(container, runtime),
        )

    async def _environment(self, pod: Object, container: Object, ips: tuple[str, ...]) -> dict[str, str]:
        kit, namespace = self._kit, pod["metadata"]["namespace"]
        objects: dict[tuple[str, str], Object | None] = {
            (ref.kind, ref.name): await kit.outside.fetch(RESOURCES[ref.kind], ref.name, namespace)
            for ref in set(env.references(container))
        }
        around = env.Surroundings(
            objects=objects,
            services=kit.services(),
            addresses=Addresses(ips, kit.node.ips),
            allocatable=kit.node.allocatable,
        )
        return env.environment(pod, container, around)

    def _binds(
        self,
        pod: Object,
        container: Object,
        attempt: int,
        environment: Mapping[str, str],
        ips: tuple[str, ...],
    ) -> list[Bind]:
        paths = self._kit.volumes.paths(pod["metadata"]["uid"])
        kept_by_kubelet = {v["name"] for v in pod["spec"].get("volumes") or () if DATA_VOLUMES & v.keys()}
        binds = []
        for mount in container.get("volumeMounts") or ():
            if mount["name"] not in paths:
                raise ConfigError(
                    f'cannot find volume "{mount["name"]}" to mount into container "{container["name"]}"'
                )
            bind = _bind(mount, paths[mount["name"]], environment)
            binds.append(replace(bind, readonly=True) if mount["name"] in kept_by_kubelet else bind)
        targets = {bind.target for bind in binds}
        if ips and "/etc/hosts" not in targets:
            binds.append(Bind("/etc/hosts", self._hosts(pod, ips), _readonly_hosts(pod, container)))
        message_path = container.get("terminationMessagePath") or TERMINATION_LOG
        if message_path not in targets:
            binds.append(Bind(message_path, self._termination_log(pod, container, attempt)))
        return binds

    def _hosts(self, pod: Object, ips: tuple[str, ...]) -> str:
        path = os.path.join(self._kit.volumes.pod_directory(pod["metadata"]["uid"]), "etc-hosts")
        node_hosts = None
        if pod["spec"].get("hostNetwork"):
            with open("/etc/hosts", encoding="utf-8", errors="replace") as file:
                node_hosts = file.read()
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(dns.hosts_file(pod, ips, self._kit.cluster_domain, node_hosts))
        os.chmod(path, 0o644)
        return path

    def _termination_log(self, pod: Object, container: Object, attempt: int) -> str:
        base = self._kit.volumes.pod_directory(pod["metadata"]["uid"])
        directory = os.path.join(base, "containers", container["name"])
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, str(attempt))
        with open(path, "wb"):
            os.chmod(path, 0o666)  # whoever the container runs as may write it
        return path

    def _failed(self, pod: Object, container: Object, message: str) -> None:
        self._event(pod, container, "Warning", "Failed", f"Error: {message}")

    def _event(self, pod: Object, container: Object, kind: str, reason: str, message: str) -> None:
        path = f"spec.containers{{{container['name']}}}"
        self._kit.recorder.event(pod, kind, reason, message, field_path=path)


def _bind(mount: Object, path: str, environment: Mapping[str, str]) -> Bind:
    inside = mount.get("subPath") or ""
    if expression := mount.get("subPathExpr"):
        inside = env.expand(expression, environment)
        if env.VARIABLE.search(inside):
            raise ConfigError(f'failed to expand subPath for volumeMount "{mount["name"]}": missing value')
    readonly = bool(mount.get("readOnly"))
    return Bind(
        target=mount["mountPath"] if mount["mountPath"].startswith("/") else "/" + mount["mountPath"],
        source=subpath.resolve(path, mount["name"], inside) if inside else path,
        readonly=readonly,
        propagation=mount.get("mountPropagation") or "None",
        recursive_readonly=readonly and mount.get("recursiveReadOnly") == "Enabled",
    )


def _readonly_hosts(pod: Object, container: Object) -> bool:
    return bool(effective(pod, container, "readOnlyRootFilesystem"))


def _target(container: Object, runtime: PodRuntime) -> str:
    """The id of the running container that an ephemeral container looks into; "" for any other container."""
    wanted = container.get("targetContainerName")
    if not wanted:
        return ""
    latest = runtime.latest(wanted)
    if latest is None or latest.state != "running":
        raise ConfigError(f"unable to find target container {wanted}")
    return latest.id
