"""An async client of one CRI runtime (containerd, CRI-O) over its Unix socket.

Every method is one call of the runtime or image service and raises `RuntimeCallFailed` (or its child
`RuntimeNotFound`) when the runtime refuses or does not answer in time.  Stopping and removing what is
already gone succeeds, as the interface demands of runtimes and as they do not all keep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from steersman.kubelet import metrics
from steersman.wire.cri import cri_pb2 as pb
from steersman.wire.cri import cri_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Sequence
    from types import TracebackType

CALL_SECONDS = 120.0  # upstream's runtimeRequestTimeout is 2 minutes
LIST_SECONDS = 10.0
PULL_SECONDS = 3600.0  # a large image over a slow line
CONTAINERD_EVENTS = "/containerd.services.events.v1.Events/Subscribe"
MESSAGE_BYTES = 16 << 20  # upstream's limit of one CRI message


class RuntimeCallFailed(Exception):
    """A CRI call failed; `code` is the gRPC code in Go's spelling (`NotFound`), `detail` the runtime's
    words.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"rpc error: code = {code} desc = {detail}")
        self.code = code
        self.detail = detail


class RuntimeNotFound(RuntimeCallFailed):
    """The container, sandbox or image named in the call does not exist."""


class RuntimeUnreachable(RuntimeCallFailed):
    """Nothing listens on the runtime's socket (yet)."""


def failure(error: Any) -> RuntimeCallFailed:
    """The exception for a gRPC error: the code in Go's spelling decides the class."""
    code = "".join(word.capitalize() for word in error.code().name.split("_"))
    kind = {"NotFound": RuntimeNotFound, "Unavailable": RuntimeUnreachable}.get(code, RuntimeCallFailed)
    return kind(code, error.details() or "")


async def answer(name: str, call: Awaitable[Any]) -> Any:
    """Await the gRPC call of that name, count it, and translate its failure."""
    kind = metrics.operation(name)
    metrics.RUNTIME_OPERATIONS.labels(kind).inc()
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        metrics.RUNTIME_ERRORS.labels(kind).inc()
        raise failure(error) from error


class Runtime:
    """The connection to one runtime; calls may overlap."""

    def __init__(self, socket: str) -> None:
        """`socket`: a path, with or without the `unix://` in front."""
        self._channel = grpc.aio.insecure_channel(
            f"unix://{socket.removeprefix('unix://')}",
            options=[
                ("grpc.max_receive_message_length", MESSAGE_BYTES),
                ("grpc.max_send_message_length", MESSAGE_BYTES),
                ("grpc.default_authority", "localhost"),
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 1000),
                ("grpc.enable_http_proxy", 0),
            ],
        )
        self._runtime = cri_pb2_grpc.RuntimeServiceStub(self._channel)
        self._images = cri_pb2_grpc.ImageServiceStub(self._channel)

    async def __aenter__(self) -> Runtime:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._channel.close(None)

    # ---- the runtime

    async def version(self) -> Any:
        """VersionResponse: runtime_name, runtime_version, runtime_api_version."""
        return await answer(
            "Version", self._runtime.Version(pb.VersionRequest(version="v1"), timeout=LIST_SECONDS)
        )

    async def status(self, *, verbose: bool = False) -> Any:
        """StatusResponse: conditions RuntimeReady and NetworkReady."""
        return await answer(
            "Status", self._runtime.Status(pb.StatusRequest(verbose=verbose), timeout=LIST_SECONDS)
        )

    async def events(self) -> AsyncIterator[Any]:
        """ContainerEventResponse messages as they happen; fails with `Unimplemented` on older runtimes."""
        call = self._runtime.GetContainerEvents(pb.GetEventsRequest())
        try:
            async for event in call:
                yield event
        except grpc.aio.AioRpcError as error:
            raise failure(error) from error
        finally:
            call.cancel()

    async def containerd_exits(self) -> AsyncIterator[None]:
        """One item for each process that ends under a containerd; `Unimplemented` on other runtimes.

        containerd has its own event service on the CRI socket since long before the interface had one.
        """
        filters = b'namespace==k8s.io,topic=="/tasks/exit"'
        subscribe = self._channel.unary_stream(CONTAINERD_EVENTS, None, None)
        call = subscribe(
            b"\x0a" + bytes([len(filters)]) + filters, metadata=(("containerd-namespace", "k8s.io"),)
        )
        try:
            async for _ in call:
                yield None
        except grpc.aio.AioRpcError as error:
            raise failure(error) from error
        finally:
            call.cancel()

    # ---- sandboxes

    async def list_sandboxes(self, labels: dict[str, str] | None = None) -> list[Any]:
        request = pb.ListPodSandboxRequest(filter=pb.PodSandboxFilter(label_selector=labels or {}))
        return list(
            (
                await answer("ListPodSandbox", self._runtime.ListPodSandbox(request, timeout=LIST_SECONDS))
            ).items
        )

    async def run_sandbox(self, config: Any, handler: str = "") -> str:
        """The new sandbox's id; on failure the runtime has taken its network down again."""
        request = pb.RunPodSandboxRequest(config=config, runtime_handler=handler)
        reply = await answer("RunPodSandbox", self._runtime.RunPodSandbox(request, timeout=2 * CALL_SECONDS))
        return str(reply.pod_sandbox_id)

    async def sandbox_status(self, sandbox: str, *, verbose: bool = False) -> Any:
        request = pb.PodSandboxStatusRequest(pod_sandbox_id=sandbox, verbose=verbose)
        return await answer("PodSandboxStatus", self._runtime.PodSandboxStatus(request, timeout=LIST_SECONDS))

    async def stop_sandbox(self, sandbox: str) -> None:
        request = pb.StopPodSandboxRequest(pod_sandbox_id=sandbox)
        await self._gone_is_fine(
            "StopPodSandbox", self._runtime.StopPodSandbox(request, timeout=CALL_SECONDS)
        )

    async def remove_sandbox(self, sandbox: str) -> None:
        request = pb.RemovePodSandboxRequest(pod_sandbox_id=sandbox)
        await self._gone_is_fine(
            "RemovePodSandbox", self._runtime.RemovePodSandbox(request, timeout=CALL_SECONDS)
        )

    # ---- containers

    async def list_containers(self, labels: dict[str, str] | None = None) -> list[Any]:
        request = pb.ListContainersRequest(filter=pb.ContainerFilter(label_selector=labels or {}))
        return list(
            (
                await answer("ListContainers", self._runtime.ListContainers(request, timeout=LIST_SECONDS))
            ).containers
        )

    async def create_container(self, sandbox: str, config: Any, sandbox_config: Any) -> str:
        request = pb.CreateContainerRequest(
            pod_sandbox_id=sandbox, config=config, sandbox_config=sandbox_config
        )
        reply = await answer("CreateContainer", self._runtime.CreateContainer(request, timeout=CALL_SECONDS))
        return str(reply.container_id)

    async def start_container(self, container: str) -> None:
        request = pb.StartContainerRequest(container_id=container)
        await answer("StartContainer", self._runtime.StartContainer(request, timeout=CALL_SECONDS))

    async def stop_container(self, container: str, grace: int) -> None:
        """Signal, wait up to `grace` seconds, kill; returns when the container has ended."""
        request = pb.StopContainerRequest(container_id=container, timeout=grace)
        await self._gone_is_fine(
            "StopContainer", self._runtime.StopContainer(request, timeout=CALL_SECONDS + grace)
        )

    async def remove_container(self, container: str) -> None:
        request = pb.RemoveContainerRequest(container_id=container)
        await self._gone_is_fine(
            "RemoveContainer", self._runtime.RemoveContainer(request, timeout=CALL_SECONDS)
        )

    async def container_status(self, container: str, *, verbose: bool = False) -> Any:
        """ContainerStatusResponse (`.status`, and `.info` when verbose)."""
        request = pb.ContainerStatusRequest(container_id=container, verbose=verbose)
        return await answer("ContainerStatus", self._runtime.ContainerStatus(request, timeout=LIST_SECONDS))

    async def update_resources(self, container: str, linux: Any) -> None:
        request = pb.UpdateContainerResourcesRequest(container_id=container, linux=linux)
        await answer(
            "UpdateContainerResources", self._runtime.UpdateContainerResources(request, timeout=CALL_SECONDS)
        )

    async def reopen_log(self, container: str) -> None:
        request = pb.ReopenContainerLogRequest(container_id=container)
        await answer("ReopenContainerLog", self._runtime.ReopenContainerLog(request, timeout=CALL_SECONDS))

    # ---- streaming

    async def exec_sync(self, container: str, command: Sequence[str], timeout: int) -> tuple[int, bytes]:
        """Run a command to its end: (exit code, stdout followed by stderr).

        Raises: RuntimeCallFailed with code `DeadlineExceeded` after `timeout` seconds.
        """
        request = pb.ExecSyncRequest(container_id=container, cmd=command, timeout=timeout)
        deadline = timeout + 5 if timeout else CALL_SECONDS
        reply = await answer("ExecSync", self._runtime.ExecSync(request, timeout=deadline))
        return int(reply.exit_code), bytes(reply.stdout) + bytes(reply.stderr)

    async def exec_url(
        self,
        container: str,
        command: Sequence[str],
        *,
        tty: bool = False,
        stdin: bool = False,
        stdout: bool = False,
        stderr: bool = False,
    ) -> str:
        """The URL of the runtime's streaming server at which this exec waits for an upgrade."""
        request = pb.ExecRequest(
            container_id=container, cmd=command, tty=tty, stdin=stdin, stdout=stdout, stderr=stderr
        )
        return str((await answer("Exec", self._runtime.Exec(request, timeout=LIST_SECONDS))).url)

    async def attach_url(
        self,
        container: str,
        *,
        tty: bool = False,
        stdin: bool = False,
        stdout: bool = False,
        stderr: bool = False,
    ) -> str:
        request = pb.AttachRequest(container_id=container, tty=tty, stdin=stdin, stdout=stdout, stderr=stderr)
        return str((await answer("Attach", self._runtime.Attach(request, timeout=LIST_SECONDS))).url)

    async def port_forward_url(self, sandbox: str, ports: Sequence[int] = ()) -> str:
        request = pb.PortForwardRequest(pod_sandbox_id=sandbox, port=ports)
        return str(
            (await answer("PortForward", self._runtime.PortForward(request, timeout=LIST_SECONDS))).url
        )

    # ---- statistics

    async def list_container_stats(self) -> list[Any]:
        request = pb.ListContainerStatsRequest()
        return list(
            (
                await answer(
                    "ListContainerStats", self._runtime.ListContainerStats(request, timeout=LIST_SECONDS)
                )
            ).stats
        )

    # ---- images

    async def list_images(self) -> list[Any]:
        return list(
            (
                await answer(
                    "ListImages", self._images.ListImages(pb.ListImagesRequest(), timeout=LIST_SECONDS)
                )
            ).images
        )

    async def image_status(self, image: str) -> Any | None:
        """The Image message, None when the runtime does not have it."""
        request = pb.ImageStatusRequest(image=pb.ImageSpec(image=image))
        reply = await answer("ImageStatus", self._images.ImageStatus(request, timeout=LIST_SECONDS))
        return reply.image if reply.HasField("image") and reply.image.id else None

    async def pull_image(self, image: str, auth: Any | None = None, sandbox_config: Any | None = None) -> str:
        """The reference (id or digest) of the pulled image."""
        request = pb.PullImageRequest(
            image=pb.ImageSpec(image=image), auth=auth, sandbox_config=sandbox_config
        )
        return str(
            (await answer("PullImage", self._images.PullImage(request, timeout=PULL_SECONDS))).image_ref
        )

    async def remove_image(self, image: str) -> None:
        request = pb.RemoveImageRequest(image=pb.ImageSpec(image=image))
        await self._gone_is_fine("RemoveImage", self._images.RemoveImage(request, timeout=CALL_SECONDS))

    async def image_filesystems(self) -> list[Any]:
        """FilesystemUsage messages: mount point, bytes and inodes used by images."""
        reply = await answer(
            "ImageFsInfo", self._images.ImageFsInfo(pb.ImageFsInfoRequest(), timeout=LIST_SECONDS)
        )
        return list(reply.image_filesystems)

    @staticmethod
    async def _gone_is_fine(name: str, call: Awaitable[Any]) -> None:
        try:
            await answer(name, call)
        except RuntimeNotFound:
            return
