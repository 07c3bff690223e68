"""Run a command in a container through the API, without a terminal: `kubectl exec` for programs.

One WebSocket with the sub-protocol `v5.channel.k8s.io`; see `wire/remotecommand.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from steersman.api.kinds import PODS
from steersman.client import kubeconfig
from steersman.client.transport import ConnectionFailed
from steersman.wire.remotecommand import SUBPROTOCOLS, Channel, Data, decode_message, exit_code

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Outcome", "execute"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command left behind."""

    status: int | None
    """Exit status; None when it could not be run, `message` then says why."""
    stdout: bytes
    stderr: bytes
    message: str = ""


async def execute(
    config: Path,
    namespace: str,
    pod: str,
    command: Sequence[str],
    *,
    container: str = "",
    timeout: float = 30.0,
) -> Outcome:
    """Run `command` to its end. `config` is a kubeconfig file. Raises: ConnectionFailed."""
    settings = kubeconfig.load(config)
    query = [("command", word) for word in command] + [("stdout", "true"), ("stderr", "true")]
    query += [("container", container)] if container else []
    url = f"{settings.server}{PODS.path(namespace, pod, 'exec')}?{urlencode(query)}"
    try:
        async with aiohttp.ClientSession() as session:
            connecting = session.ws_connect(
                URL(url.replace("http", "ws", 1), encoded=True),
                protocols=[SUBPROTOCOLS[0].name],
                ssl=settings.credentials.ssl_context(),
                headers=settings.credentials.headers(),
                timeout=aiohttp.ClientWSTimeout(ws_receive=timeout),
                max_msg_size=0,
            )
            async with connecting as socket:
                return await collect(socket)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise ConnectionFailed(f"exec in {namespace}/{pod}: {error or type(error).__name__}") from error


async def collect(socket: aiohttp.ClientWebSocketResponse) -> Outcome:
    """Read until the server says how the command ended."""
    output: dict[int, bytearray] = {channel: bytearray() for channel in Channel}
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.BINARY:
            continue
        part = decode_message(SUBPROTOCOLS[0], message.data)
        if isinstance(part, Data) and part.channel in output:
            output[part.channel] += part.data
    out, err = bytes(output[Channel.STDOUT]), bytes(output[Channel.STDERR])
    if not output[Channel.ERROR]:
        return Outcome(None, out, err, "the connection ended before the command did")
    status = json.loads(bytes(output[Channel.ERROR]))
    return Outcome(exit_code(status), out, err, str(status.get("message", "")))
