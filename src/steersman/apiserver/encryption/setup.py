"""From the server's settings to an encrypting store."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from steersman.apiserver.encryption import config
from steersman.apiserver.encryption.store import EncryptedStore
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from steersman.store.base import Store


@asynccontextmanager
async def encrypting(store: Store, path: str) -> AsyncIterator[EncryptedStore]:
    """Give a store that encrypts as the file says, and keep up with its plug-ins meanwhile.

    Raises: ConfigError, OSError.
    """
    encryption = config.load(path)
    plugins = encryption.plugins()
    try:
        async with TaskGroup() as tasks:
            for plugin in plugins:
                tasks.spawn(plugin.follow(), f"key management plug-in {plugin.name}")
            try:
                yield EncryptedStore(store, encryption)
            finally:
                tasks.cancel_all()
    finally:
        for plugin in plugins:
            plugin.close()
