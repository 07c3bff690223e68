"""How pods of other nodes are reached: one file per way.

A back-end makes the pods of all other nodes reachable in `apply(peers)`, which is called again whenever a
node comes, goes or changes. Adding one is a file here and a row in `BACKENDS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from steersman.network.backends.host_gw import HostGateway

if TYPE_CHECKING:
    from steersman.network.plan import Peer

__all__ = ["BACKENDS", "Backend"]


class Backend(Protocol):
    name: ClassVar[str]

    async def apply(self, peers: tuple[Peer, ...]) -> list[str]:
        """Make the pods of `peers`, and of nobody else, reachable; what could not be done, one sentence
        each."""
        ...

    async def cleanup(self) -> None:
        """Remove every route and link this back-end made."""
        ...


BACKENDS: tuple[type[Backend], ...] = (HostGateway,)
