"""Connections to the members of one etcd cluster.

A call goes to the member in use; when that one is gone, has no leader or does not answer, it goes to the next
one, until the caller's patience ends. A call that had to be repeated may have been carried out before:
`Reply.repeated` says so, and writes look whether it was.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import grpc
import grpc.aio

from steersman.store.base import StoreError, StoreUnavailable, ValueTooLarge
from steersman.wire.etcd import etcd_pb2 as pb
from steersman.wire.etcd import etcd_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

log = logging.getLogger("steersman.store.etcd")
T = TypeVar("T")

ATTEMPT_SECONDS = 2.5
"""One attempt: an election takes about one second, and what was asked during it may have been dropped."""
PATIENCE_SECONDS = 15.0
"""All attempts of one call together."""
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
"""Seconds between attempts."""
_METADATA = (("hasleader", "true"),)
"""A member cut off from its leader refuses instead of waiting."""
_RETRY = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
)
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


class RevisionCompacted(StoreError):
    """etcd has forgotten the revision asked for."""


class RevisionAhead(StoreError):
    """etcd has not reached the revision asked for."""


class LeaseGone(StoreError):
    """The lease named has ended."""


@dataclass(frozen=True, slots=True)
class TLS:
    """PEM files; "" means without."""

    ca: str = ""
    cert: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """A response; `repeated` when an earlier attempt at the same call ended without one."""

    value: T
    repeated: bool


class Member:
    """One connection and its stubs."""

    def __init__(self, endpoint: str, credentials: grpc.ChannelCredentials | None) -> None:
        self.endpoint = endpoint
        target = endpoint.partition("://")[2] or endpoint
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(target, _OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(target, credentials, _OPTIONS)
        stubs: Any = etcd_pb2_grpc
        self.kv = stubs.KVStub(self._channel)
        self.lease = stubs.LeaseStub(self._channel)
        self.maintenance = stubs.MaintenanceStub(self._channel)
        self._watch = stubs.WatchStub(self._channel)

    def watch(self) -> Any:
        """Open a stream of watches."""
        return self._watch.Watch(metadata=_METADATA)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._channel.close(None)


class Members:
    """The cluster, as a client sees it."""

    def __init__(self, endpoints: Sequence[str], tls: TLS | None = None) -> None:
        if not endpoints:
            raise ValueError("no etcd endpoint is given")
        credentials = _credentials(endpoints, tls or TLS())
        self._members = [
            Member(endpoint, None if endpoint.startswith("http://") else credentials)
            for endpoint in endpoints
        ]
        self._at = 0

    @property
    def current(self) -> Member:
        """The member in use."""
        return self._members[self._at]

    def leave(self, member: Member) -> None:
        """Use the next member, unless somebody has left this one already."""
        if member is self.current and len(self._members) > 1:
            self._at = (self._at + 1) % len(self._members)
            log.info("leaving etcd member %s for %s", member.endpoint, self.current.endpoint)

    async def call(self, method: Callable[[Member], Any], request: Any) -> Any:
        """Make a call and return its response. Raises: what `ask` raises."""
        return (await self.ask(method, request)).value

    async def ask(self, method: Callable[[Member], Any], request: Any) -> Reply[Any]:
        """Make a call, on another member when need be.

        Raises: StoreUnavailable, ValueTooLarge, RevisionCompacted, RevisionAhead, LeaseGone.
        """
        loop = asyncio.get_running_loop()
        end, pause, repeated = loop.time() + PATIENCE_SECONDS, FIRST_PAUSE, False
        while True:
            member = self.current
            try:
                value = await method(member)(request, timeout=ATTEMPT_SECONDS, metadata=_METADATA)
                return Reply(value, repeated)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _RETRY:
                    raise meaning(error) from error
                if loop.time() + pause > end:
                    outcome = "; the outcome of the write is not known" if _writes(request) else ""
                    why = f"no etcd member answers ({member.endpoint}: {error.details()}){outcome}"
                    raise StoreUnavailable(why) from error
                self.leave(member)
            repeated = True
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def close(self) -> None:
        """Let go of all connections."""
        for member in self._members:
            await member.close()


def _writes(request: Any) -> bool:
    return isinstance(request, pb.TxnRequest)


def meaning(error: grpc.aio.AioRpcError) -> StoreError:
    """Return what an error of etcd means to a store."""
    text = error.details() or ""
    if "has been compacted" in text:
        return RevisionCompacted(text)
    if "future revision" in text:
        return RevisionAhead(text)
    if "lease not found" in text:
        return LeaseGone(text)
    if "too large" in text or "larger than max" in text:
        return ValueTooLarge(f"etcd refuses the object: {text}")
    if "space exceeded" in text:
        return StoreUnavailable(f"etcd is full: compact and defragment it, or raise its quota ({text})")
    return StoreUnavailable(f"etcd: {error.code().name}: {text}")


def _credentials(endpoints: Sequence[str], tls: TLS) -> grpc.ChannelCredentials | None:
    """Read the TLS files. Raises: StoreUnavailable when one cannot be read."""
    if all(endpoint.startswith("http://") for endpoint in endpoints):
        return None
    try:
        ca, key, cert = (Path(path).read_bytes() if path else None for path in (tls.ca, tls.key, tls.cert))
    except OSError as error:
        raise StoreUnavailable(f"a TLS file for etcd cannot be read: {error}") from error
    return grpc.ssl_channel_credentials(ca, key, cert)
