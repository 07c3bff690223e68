"""Getting images onto the node: pull policy, credentials, back-off, events, and throwing unused ones away.

Source: "Images" in the Kubernetes documentation (policies, pull secrets, back-off of at most 300 s).
"""

from __future__ import annotations

import asyncio
import base64
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from steersman.api.kinds import SECRETS
from steersman.kubelet.cri.client import RuntimeCallFailed, RuntimeNotFound
from steersman.wire.cri import cri_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.api.types import Object
    from steersman.client.events import Recorder
    from steersman.kubelet.cri.client import Runtime
    from steersman.kubelet.volumes.plugin import Outside
    from steersman.runtime.clock import Clock

log = logging.getLogger("steersman.kubelet.images")

FIRST_DELAY = 10.0  # seconds, as for crashing containers
LONGEST_DELAY = 300.0
PARALLEL_PULLS = 3
NAME = re.compile(
    r"^(?:[A-Za-z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
    r"(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*(?::[\w][\w.-]{0,127})?(?:@[A-Za-z][\w+.-]*:[0-9a-fA-F]{32,})?$"
)


class ImageProblem(Exception):
    """The image cannot be had now; `reason` is the container's waiting reason."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(slots=True)
class _Delay:
    until: float
    seconds: float
    cause: str


class Images:
    """The node's images; pulls of one image by several pods happen one after the other."""

    def __init__(self, runtime: Runtime, outside: Outside, recorder: Recorder, clock: Clock) -> None:
        self._runtime = runtime
        self._outside = outside
        self._recorder = recorder
        self._clock = clock
        self._delays: dict[tuple[str, str], _Delay] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._slots = asyncio.Semaphore(PARALLEL_PULLS)

    async def ensure(self, pod: Object, container: Object) -> Any:
        """The CRI Image for a container, pulled if its policy says so.

        Raises: ImageProblem with the reason for the container's waiting state.
        """
        image = container.get("image") or ""
        if not NAME.match(image):
            message = (
                f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": '
                "invalid reference format"
            )
            self._event(pod, container, "Warning", "InspectFailed", message)
            raise ImageProblem("InvalidImageName", message)
        policy = container.get("imagePullPolicy") or default_policy(image)
        async with self._locks.setdefault(image, asyncio.Lock()):
            present = await self._runtime.image_status(image)
            if present is not None and policy != "Always":
                message = f'Container image "{image}" already present on machine'
                self._event(pod, container, "Normal", "Pulled", message)
                return present
            if policy == "Never":
                message = f'Container image "{image}" is not present with pull policy of Never'
                self._event(pod, container, "Warning", "ErrImageNeverPull", message)
                raise ImageProblem("ErrImageNeverPull", message)
            return await self._pull(pod, container, image)

    def wake_at(self, pod: Object) -> float:
        """Wall-clock time at which the first held-back pull of a pod may be tried; infinite when none is."""
        uid = pod["metadata"]["uid"]
        return min(
            (delay.until for (owner, _), delay in self._delays.items() if owner == uid), default=float("inf")
        )

    def forget(self, uid: str) -> None:
        for key in [key for key in self._delays if key[0] == uid]:
            del self._delays[key]

    async def _pull(self, pod: Object, container: Object, image: str) -> Any:
        key = (pod["metadata"]["uid"], image)
        held = self._delays.get(key)
        if held is not None and self._clock.time() < held.until:
            message = f'Back-off pulling image "{image}"'
            self._event(pod, container, "Normal", "BackOff", message)
            raise ImageProblem("ImagePullBackOff", f"{message}: {held.cause}")
        self._event(pod, container, "Normal", "Pulling", f'Pulling image "{image}"')
        asked = self._clock.monotonic()
        try:
            async with self._slots:
                began = self._clock.monotonic()
                reference = await self._pull_with_any(pod, image)
        except RuntimeCallFailed as error:
            message = f'Failed to pull image "{image}": {error}'
            self._event(pod, container, "Warning", "Failed", message)
            seconds = FIRST_DELAY if held is None else min(2 * held.seconds, LONGEST_DELAY)
            self._delays[key] = _Delay(self._clock.time() + seconds, seconds, f"ErrImagePull: {error}")
            raise ImageProblem("ErrImagePull", str(error)) from error
        self._delays.pop(key, None)
        found = await self._runtime.image_status(reference or image) or await self._runtime.image_status(
            image
        )
        ended = self._clock.monotonic()
        self._event(
            pod,
            container,
            "Normal",
            "Pulled",
            f'Successfully pulled image "{image}" in {duration(ended - began)} '
            f"({duration(ended - asked)} including waiting). Image size: {found.size if found else 0} bytes.",
        )
        return found

    async def _pull_with_any(self, pod: Object, image: str) -> str:
        """Try every credential that fits the image's registry, then none; the last failure counts."""
        failure: RuntimeCallFailed | None = None
        for credential in [*await self._credentials(pod, image), None]:
            try:
                return await self._runtime.pull_image(image, credential)
            except RuntimeCallFailed as error:
                failure = error
        raise failure or RuntimeNotFound("NotFound", image)

    async def _credentials(self, pod: Object, image: str) -> list[Any]:
        found: list[Any] = []
        for reference in pod["spec"].get("imagePullSecrets") or ():
            name = reference.get("name", "")
            secret = await self._outside.fetch(SECRETS, name, pod["metadata"]["namespace"])
            if secret is None:
                message = (
                    f"Unable to retrieve some image pull secrets ({name}); "
                    "attempting to pull the image may not succeed."
                )
                self._recorder.event(pod, "Warning", "FailedToRetrieveImagePullSecret", message)
            else:
                found += credentials_for(secret, image)
        return found

    def _event(self, pod: Object, container: Object, kind: str, reason: str, message: str) -> None:
        path = f"spec.containers{{{container['name']}}}"
        self._recorder.event(pod, kind, reason, message, field_path=path)


def default_policy(image: str) -> str:
    """Always for the tag `latest` or none, else IfNotPresent."""
    last = image.rpartition("/")[2]
    if "@" in last:
        return "IfNotPresent"
    tag = last.partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def registry_of(image: str) -> str:
    """The registry's host, as credentials name it."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


def credentials_for(secret: Object, image: str) -> list[Any]:
    """AuthConfig messages of a pull secret that fit the image's registry; a malformed secret gives none."""
    registry = registry_of(image)
    return [auth for server, auth in _entries(secret) if _host(server) == registry]


def _host(server: str) -> str:
    bare = server.removeprefix("https://").removeprefix("http://").split("/")[0]
    return "docker.io" if bare in ("index.docker.io", "registry-1.docker.io") else bare


def _entries(secret: Object) -> Iterator[tuple[str, Any]]:
    data = secret.get("data") or {}
    try:
        if text := data.get(".dockerconfigjson"):
            servers = orjson.loads(base64.b64decode(text)).get("auths") or {}
        else:
            servers = orjson.loads(base64.b64decode(data.get(".dockercfg", "e30=")))
        for server, entry in servers.items():
            user, password = entry.get("username", ""), entry.get("password", "")
            if not user and entry.get("auth"):
                user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
            yield server, pb.AuthConfig(username=user, password=password)
    except (ValueError, AttributeError) as error:
        log.warning("pull secret %s is malformed: %s", secret["metadata"]["name"], error)


def duration(seconds: float) -> str:
    """A duration as events print it: `153ms`, `2.301s`."""
    return f"{seconds * 1000:.0f}ms" if seconds < 1 else f"{seconds:.3f}s"
