"""The supervisor of the chain: whatever a later plug-in raises is logged and answered with SERVFAIL."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

from steersman.dns.message import failure

if TYPE_CHECKING:
    from steersman.dns.chain import Context, Handler
    from steersman.dns.message import Query, Reply

__all__ = ["Errors"]

log = logging.getLogger("steersman.dns.errors")


class Errors:
    name: ClassVar[str] = "errors"

    def __init__(self, context: Context) -> None:
        pass

    async def handle(self, query: Query, rest: Handler) -> Reply:
        try:
            return await rest(query)
        except Exception:
            log.exception("%s %s", query.name, query.type_name)
            return failure()
