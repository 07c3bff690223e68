"""A `Store` around another one: values of some resources are encrypted on their way in.

Everything else (revisions, compare and swap, compaction) is the inner store's. The plain value of a write
travels with its event, so that what this process writes is not decrypted again. An event that cannot be
decrypted is logged and left out; reading such a value is an error that names its key.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from steersman.apiserver.encryption.providers import MARK, CannotDecrypt
from steersman.store.base import Entry, Event, Range

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from steersman.apiserver.encryption.config import Encryption
    from steersman.apiserver.encryption.providers import Provider
    from steersman.store.base import Store, Subscription

log = logging.getLogger("steersman.apiserver.encryption")


@dataclass(frozen=True, slots=True)
class _Sealed:
    """The note of an encrypted write: whose it is, the writer's own note, and the plain value."""

    by: EncryptedStore
    note: object
    value: bytes


class EncryptedStore:
    """See the module's text."""

    def __init__(self, inner: Store, encryption: Encryption) -> None:
        self._inner, self._encryption = inner, encryption
        self._stale: set[str] = set()
        self._fresh: set[str] | None = None
        """After a change of providers: the keys known to be written by the new ones. None before one."""

    @property
    def encryption(self) -> Encryption:
        """How values are written and read now."""
        return self._encryption

    def use(self, encryption: Encryption) -> None:
        """Write and read by other providers from now on; what is stored stays until it is written again."""
        self._encryption = encryption
        self._stale.clear()
        self._fresh = set()

    @property
    def shared(self) -> bool:
        """See `Store.shared`."""
        return self._inner.shared

    @property
    def revision(self) -> int:
        """See `Store.revision`."""
        return self._inner.revision

    @property
    def compacted(self) -> int:
        """See `Store.compacted`."""
        return self._inner.compacted

    def stale(self, key: str) -> bool:
        """See `Store.stale`."""
        if key in self._stale:
            return True
        return self._fresh is not None and key not in self._fresh and bool(self._encryption.providers(key))

    async def put(
        self, key: str, value: bytes, *, expect: int | None, ttl: float | None = None, note: object = None
    ) -> Entry:
        """See `Store.put`."""
        providers = self._encryption.providers(key)
        if not providers:
            return await self._inner.put(key, value, expect=expect, ttl=ttl, note=note)
        await providers[0].ready()
        stored = providers[0].encrypt(value, key)
        entry = await self._inner.put(key, stored, expect=expect, ttl=ttl, note=_Sealed(self, note, value))
        self._settled(key)
        return replace(entry, value=value)

    async def delete(self, key: str, *, expect: int | None, note: object = None) -> int:
        """See `Store.delete`."""
        return await self._inner.delete(key, expect=expect, note=note)

    async def get(self, key: str, *, revision: int = 0) -> Entry | None:
        """See `Store.get`. Raises also: CannotDecrypt."""
        entry = await self._inner.get(key, revision=revision)
        return None if entry is None else (await self._plain([entry]))[0]

    async def range(self, prefix: str, *, start: str = "", limit: int = 0, revision: int = 0) -> Range:
        """See `Store.range`. Raises also: CannotDecrypt."""
        page = await self._inner.range(prefix, start=start, limit=limit, revision=revision)
        return replace(page, entries=await self._plain(page.entries))

    async def watch(
        self,
        prefix: str,
        *,
        after: int,
        deliver: Callable[[Sequence[Event]], None],
        lost: Callable[[int], Awaitable[None]] | None = None,
    ) -> Subscription:
        """See `Store.watch`."""

        def decrypted(events: Sequence[Event]) -> None:
            deliver([plain for event in events if (plain := self._shown(event)) is not None])

        return await self._inner.watch(prefix, after=after, deliver=decrypted, lost=lost)

    async def catch_up(self) -> None:
        """See `Store.catch_up`."""
        await self._inner.catch_up()

    async def check(self) -> None:
        """See `Store.check`."""
        await self._inner.check()

    async def compact(self, revision: int) -> None:
        """See `Store.compact`."""
        await self._inner.compact(revision)

    async def expire(self, now: float) -> int:
        """See `Store.expire`."""
        return await self._inner.expire(now)

    async def snapshot(self, path: str) -> None:
        """See `Store.snapshot`; what is encrypted stays so."""
        await self._inner.snapshot(path)

    async def close(self) -> None:
        """See `Store.close`."""
        await self._inner.close()

    async def _plain(self, entries: Sequence[Entry]) -> list[Entry]:
        waiting: dict[Provider, list[bytes]] = {}
        readers = []
        for entry in entries:
            reader = self._reader(entry.key, entry.value)
            readers.append(reader)
            if reader is not None:
                waiting.setdefault(reader, []).append(entry.value)
        for provider, values in waiting.items():
            await provider.prepare(values)
        return [
            entry if reader is None else self._open(entry, reader)
            for entry, reader in zip(entries, readers, strict=True)
        ]

    def _shown(self, event: Event) -> Event | None:
        entry = event.entry
        if isinstance(event.note, _Sealed) and event.note.by is self:
            self._settled(entry.key)
            return Event(replace(entry, value=event.note.value), event.deleted, event.note.note)
        if event.deleted:
            self._stale.discard(entry.key)
            if self._fresh is not None:
                self._fresh.discard(entry.key)
            return event
        try:
            reader = self._reader(entry.key, entry.value)
            return event if reader is None else Event(self._open(entry, reader))
        except CannotDecrypt as error:
            log.error("a change at revision %d is left out: %s", entry.revision, error)
            return None

    def _reader(self, key: str, stored: bytes) -> Provider | None:
        """Return the provider that wrote a value, None when it is stored as it is. Raises: CannotDecrypt."""
        providers = self._encryption.providers(key)
        if not providers and not stored.startswith(MARK):
            return None
        for provider in providers:
            if provider.reads(stored):
                return provider
        raise CannotDecrypt(f"{key} cannot be decrypted: no provider is configured for the way it is stored")

    def _open(self, entry: Entry, reader: Provider) -> Entry:
        value, stale = reader.decrypt(entry.value, entry.key)
        if stale or reader is not self._encryption.providers(entry.key)[0]:
            self._stale.add(entry.key)
        else:
            self._settled(entry.key)
        return replace(entry, value=value)

    def _settled(self, key: str) -> None:
        """A key is written by the provider that writes now."""
        self._stale.discard(key)
        if self._fresh is not None:
            self._fresh.add(key)
