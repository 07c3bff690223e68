"""A chain of plug-ins: each answers, or asks the rest of the chain.

Adding one is a file in `plugins/` and a row in `DNS_CHAIN`. A plug-in is made once, from a `Context`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from steersman.dns.message import REFUSED, Query, Reply, failure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.client.informer import Informers
    from steersman.dns.config import DNSConfig
    from steersman.runtime.clock import Clock

__all__ = ["Context", "Handler", "Plugin", "link"]

Handler = Callable[[Query], Awaitable[Reply]]


@dataclass(slots=True)
class Context:
    """What plug-ins are made from."""

    config: DNSConfig
    informers: Informers
    clock: Clock
    resolve: Handler
    """The whole chain, for a plug-in that needs to know about another name."""


class Plugin(Protocol):
    name: ClassVar[str]

    def __init__(self, context: Context) -> None: ...

    async def handle(self, query: Query, rest: Handler) -> Reply:
        """Answer, or return what `rest(query)` returns. Raising is answered with SERVFAIL."""
        ...


def link(plugins: Iterable[type[Plugin]], context: Context) -> Handler:
    """The chain as one function; `context.resolve` becomes that function. Its end refuses."""
    handler: Handler = _refuse
    for plugin in reversed([plugin(context) for plugin in plugins]):
        handler = _bound(plugin, handler)
    context.resolve = handler
    return handler


def _bound(plugin: Plugin, rest: Handler) -> Handler:
    async def handle(query: Query) -> Reply:
        return await plugin.handle(query, rest)

    return handle


async def _refuse(query: Query) -> Reply:
    return failure(REFUSED)
