"""The channels of exec and attach: SPDY streams on one side, numbered WebSocket messages on the other. No
I/O.

    SPDY       one stream each, told apart by the header `streamtype`: error, stdin, stdout, stderr, resize;
               the version is negotiated with the header X-Stream-Protocol-Version
    WebSocket  one message = channel byte + data (binary), or channel digit + base64 data (text);
               the version is negotiated with Sec-WebSocket-Protocol

Versions: v1 (plain), v2 (stdin may be half-closed), v3 (resize), v4 (the error channel carries a JSON
Status), v5 (WebSocket only: message 255 + channel closes that channel). Source: the remote command protocol
of Kubernetes.
"""

import base64
import binascii
import enum
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

STREAM_TYPE = "streamtype"
PROTOCOL_HEADER = "X-Stream-Protocol-Version"

SPDY_PROTOCOLS = ("v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")
"""SPDY sub-protocols, the preferred first."""

CLOSE_SIGNAL = 255
"""v5: a message that begins with this byte closes the channel named by the next one."""


class Channel(enum.IntEnum):
    STDIN = 0
    STDOUT = 1
    STDERR = 2
    ERROR = 3
    RESIZE = 4


STREAM_NAMES = {
    Channel.STDIN: "stdin",
    Channel.STDOUT: "stdout",
    Channel.STDERR: "stderr",
    Channel.ERROR: "error",
    Channel.RESIZE: "resize",
}


@dataclass(frozen=True, slots=True)
class Subprotocol:
    """One WebSocket sub-protocol: `version` 1, 4 or 5; `base64` messages are text."""

    name: str
    version: int
    base64: bool = False


SUBPROTOCOLS = (
    Subprotocol("v5.channel.k8s.io", 5),
    Subprotocol("v4.channel.k8s.io", 4),
    Subprotocol("v4.base64.channel.k8s.io", 4, base64=True),
    Subprotocol("channel.k8s.io", 1),
    Subprotocol("base64.channel.k8s.io", 1, base64=True),
)
NO_SUBPROTOCOL = Subprotocol("", 1)
"""What a client that names no sub-protocol speaks."""


class ChannelError(ValueError):
    """A message does not fit the channel protocol."""


@dataclass(frozen=True, slots=True)
class Data:
    channel: int
    data: bytes


@dataclass(frozen=True, slots=True)
class CloseChannel:
    channel: int


def select_subprotocol(offered: Iterable[str]) -> Subprotocol | None:
    """The first of the client's offers that is spoken here; None when it offers only others."""
    names = list(offered)
    if not names:
        return NO_SUBPROTOCOL
    known = {protocol.name: protocol for protocol in SUBPROTOCOLS}
    return next((known[name] for name in names if name in known), None)


def select_spdy_protocol(offered: Iterable[str]) -> str | None:
    """Our most preferred SPDY sub-protocol among the client's; a client that names none speaks the first."""
    names = {name.strip() for line in offered for name in line.split(",") if name.strip()}
    if not names:
        return "channel.k8s.io"
    return next((name for name in SPDY_PROTOCOLS if name in names), None)


def encode_message(protocol: Subprotocol, channel: Channel, data: bytes) -> bytes:
    if protocol.base64:
        return b"%d" % channel + base64.b64encode(data)
    return bytes((channel,)) + data


def decode_message(protocol: Subprotocol, message: bytes) -> Data | CloseChannel | None:
    """What a client's message says; None for an empty one. Raises ChannelError."""
    if not message:
        return None
    if protocol.base64:
        if not 0x30 <= message[0] <= 0x39:
            raise ChannelError(f"message begins with {message[:1]!r}, not with a channel digit")
        try:
            return Data(message[0] - 0x30, base64.b64decode(message[1:], validate=True))
        except binascii.Error as error:
            raise ChannelError(f"message is not base64: {error}") from error
    if message[0] == CLOSE_SIGNAL and protocol.version >= 5:
        if len(message) != 2:
            raise ChannelError("close signal must name one channel")
        return CloseChannel(message[1])
    return Data(message[0], message[1:])


def encode_close(channel: Channel) -> bytes:
    return bytes((CLOSE_SIGNAL, channel))


def success_status() -> dict[str, Any]:
    return {"metadata": {}, "status": "Success"}


def exit_status(code: int) -> dict[str, Any]:
    """The Status that says with what the command ended."""
    if code == 0:
        return success_status()
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def exit_code(status: dict[str, Any]) -> int | None:
    """The exit code in a Status: 0 for success, None when it is some other failure."""
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    return None


def error_for(protocol: Subprotocol, error: bytes) -> bytes:
    """What to write to a client's error channel for what the error stream of a v4 SPDY session carried.

    v4 and v5 clients read a Status, which an empty stream means as success; older ones read text, and
    nothing at all on success.
    """
    if protocol.version >= 4:
        return error or json.dumps(success_status()).encode()
    try:
        status = json.loads(error or b"{}")
    except ValueError:
        return error
    if not isinstance(status, dict) or status.get("status") != "Failure":
        return b""
    return str(status.get("message", "")).encode()
