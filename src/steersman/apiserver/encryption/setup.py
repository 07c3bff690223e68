"""From the server's settings to an encrypting store, and from a changed file to new keys."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from steersman.apiserver.encryption import config
from steersman.apiserver.encryption.store import EncryptedStore
from steersman.runtime.tasks import TaskGroup
from steersman.store.base import StoreUnavailable

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable

    from steersman.apiserver.encryption.config import Encryption
    from steersman.apiserver.encryption.kms import KMS
    from steersman.store.base import Store


@asynccontextmanager
async def encrypting(store: Store, path: str) -> AsyncIterator[tuple[EncryptedStore, Callable[[], None]]]:
    """Give a store that encrypts as the file says, and what is to be called when the file has changed.

    Key management plug-ins are kept up with meanwhile. What is called raises ValueError or OSError for a file
    that cannot be used; the old one then stays in use. Raises: ConfigError, OSError.
    """
    async with TaskGroup() as tasks:
        plugins = _Plugins(tasks)
        encryption = config.load(path)
        plugins.follow(encryption)
        encrypted = EncryptedStore(store, encryption)

        def reload() -> None:
            try:
                changed = config.load(path)
            except config.ConfigError as error:
                raise ValueError(str(error)) from None
            plugins.follow(changed)
            encrypted.use(changed)

        try:
            yield encrypted, reload
        finally:
            tasks.cancel_all()
            plugins.close()


class _Plugins:
    """The key management plug-ins in use, and those that were: a request may still wait for them."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self._following: list[asyncio.Task[None]] = []
        self._opened: list[KMS] = []

    def follow(self, encryption: Encryption) -> None:
        """Keep up with the plug-ins of a configuration, and with no others any more."""
        for task in self._following:
            task.cancel()
        plugins = encryption.plugins()
        self._opened += plugins
        self._following = [
            self._tasks.spawn(plugin.follow(), f"key management plug-in {plugin.name}") for plugin in plugins
        ]

    def close(self) -> None:
        """Let go of all connections."""
        for plugin in self._opened:
            plugin.close()


def check(encryption: Encryption) -> None:
    """Raise StoreUnavailable when a plug-in in use did not answer as it should when last asked."""
    for plugin in encryption.plugins():
        if plugin.problem:
            raise StoreUnavailable(plugin.problem)
